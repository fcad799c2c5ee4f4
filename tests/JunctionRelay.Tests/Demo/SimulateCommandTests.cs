using JunctionRelay.App.Commands;

namespace JunctionRelay.Tests.Demo;

public sealed class SimulateCommandTests
{
    [Theory]
    [InlineData("--listen nonsense", "--listen nonsense")]
    [InlineData("--vendor-port 65536", "--vendor-port 65536")]
    [InlineData("--seats -1", "--seats -1")]
    public void A_wrong_server_argument_is_named(string line, string expected) =>
        Assert.Contains(SimulateServerCommand.Create().Parse(line).Errors, e => e.Message.Contains(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData("--server nonsense", "--server nonsense")]
    [InlineData("--server host:0", "--server host:0")]
    [InlineData("--server a:1 --count 0", "--count 0")]
    [InlineData("--server a:1 --user a-name-that-is-too-long", "--user a-name-that-is-too-long")]
    [InlineData("", "--server")]
    public void A_wrong_client_argument_is_named(string line, string expected) =>
        Assert.Contains(SimulateClientCommand.Create().Parse(line).Errors, e => e.Message.Contains(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData("--listen [::1]:27000 --vendor-port 27010 --seats 300 --host-name lic.corp --vendor demod --quiet")]
    [InlineData("")]
    public void Server_arguments_are_taken(string line) => Assert.Empty(SimulateServerCommand.Create().Parse(line).Errors);

    [Theory]
    [InlineData("--server [fd00::1]:27000 --vendor-host 10.0.0.1 --hold --user u --count 100 --heartbeat 0.5 --piece-bytes 1")]
    [InlineData("--server lic.corp:27000")]
    public void Client_arguments_are_taken(string line) => Assert.Empty(SimulateClientCommand.Create().Parse(line).Errors);

    [Fact]
    public void Both_are_hidden_from_help()
    {
        Assert.True(SimulateServerCommand.Create().Hidden);
        Assert.True(SimulateClientCommand.Create().Hidden);
    }
}
