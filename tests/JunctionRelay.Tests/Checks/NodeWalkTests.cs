using System.Net;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.App.Checks;
using JunctionRelay.App.Demo;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Demo;

namespace JunctionRelay.Tests.Checks;

/// <summary>What a licensed program's own machine can see of its way: the first hop that fails, its class, and what a FlexNet client would say.</summary>
public sealed class NodeWalkTests
{
    [Theory]
    [InlineData("demod")]
    [InlineData("")]   // the daemon's name is asked for
    public async Task A_license_is_reached_and_none_is_taken(string vendor)
    {
        await using var licenses = new SimulatedPair(seats: 1);
        var trail = await WalkAsync(licenses.Server.EndPoint.Port, vendor);
        Assert.Null(trail.Failure);
        Assert.Equal(
            vendor.Length == 0
                ? [CheckHop.Name, CheckHop.Tcp, CheckHop.Server, CheckHop.Redirect, CheckHop.RedirectName, CheckHop.VendorPort, CheckHop.Vendor]
                : [CheckHop.Name, CheckHop.Tcp, CheckHop.Redirect, CheckHop.RedirectName, CheckHop.VendorPort, CheckHop.Vendor],
            trail.Steps.Select(s => s.Hop));
        await licenses.AssertSeatsAsync(0);
    }

    [Fact]
    public async Task A_name_that_is_nowhere_is_told()
    {
        AssertFailed(await WalkAsync(new CheckedServer(LicenseKind.FlexNet, new LicenseServer("nowhere.invalid", 27000, null), "demod")), CheckHop.Name, 10, "-14");
    }

    [Fact]
    public async Task A_closed_port_is_told()
    {
        // tcpmux: nobody listens there.
        AssertFailed(await WalkAsync(1, "demod"), CheckHop.Tcp, 11, "-15");
    }

    [Fact]
    public async Task A_redirect_to_nowhere_is_told_with_the_line_that_mends_it()
    {
        await using var server = new SimulatedLicenseServer(new SimulatedServerOptions { HostName = "nowhere.invalid" });
        var trail = await WalkAsync(server.EndPoint.Port, "demod");
        AssertFailed(trail, CheckHop.RedirectName, 10, "-96");
        Assert.Contains("127.0.0.1 nowhere.invalid", trail.Failure!.Fault!.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_vendor_daemon_that_is_down_is_told()
    {
        await using var lmgrd = new OneAnswer(new FlexLmRedirect { Host = "127.0.0.1", Port = 1 }.ToBytes());
        AssertFailed(await WalkAsync(lmgrd.Port, "demod"), CheckHop.VendorPort, 11, "-97");
    }

    [Fact]
    public async Task A_vendor_that_the_server_does_not_have_is_told()
    {
        await using var licenses = new SimulatedPair();
        AssertFailed(await WalkAsync(licenses.Server.EndPoint.Port, "other"), CheckHop.Server, 16, "-16");
        Assert.Equal(1, licenses.Server.RefusedHellos);
    }

    [Fact]
    public async Task A_name_out_of_a_variable_is_tried_in_both_cases()
    {
        await using var licenses = new SimulatedPair();
        var trail = await WalkAsync(licenses.Server.EndPoint.Port, "DEMOD");
        Assert.Null(trail.Failure);
        Assert.Equal([CheckHop.Name, CheckHop.Tcp, CheckHop.Redirect, CheckHop.RedirectName, CheckHop.VendorPort, CheckHop.Vendor], trail.Steps.Select(s => s.Hop));
        Assert.Equal(1, licenses.Server.RefusedHellos);

        trail = await WalkAsync(licenses.Server.EndPoint.Port, "OTHER");
        AssertFailed(trail, CheckHop.Server, 16, "-16");
        Assert.Contains("vendor daemon OTHER; nor is other known there", trail.Failure!.Text, StringComparison.Ordinal);
        Assert.Equal(3, licenses.Server.RefusedHellos);
    }

    [Fact]
    public async Task A_name_in_capitals_that_is_right_is_asked_for_once()
    {
        await using var lmgrd = new OneAnswer(new FlexLmRedirect { Host = "127.0.0.1", Port = 1 }.ToBytes());
        var trail = await WalkAsync(lmgrd.Port, "MLM");
        Assert.Contains(trail.Steps, s => s.Text.Contains("sends clients of MLM", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "a web server answers", "-16: Cannot read data from license server system (or -12")]
    [InlineData("220 mail.example.com ESMTP\r\n", "speaks no FlexNet", "-12")]
    public async Task Another_server_on_the_port_is_told(string answer, string words, string client)
    {
        await using var other = new OneAnswer(Encoding.ASCII.GetBytes(answer));
        var trail = await WalkAsync(other.Port, "demod");
        AssertFailed(trail, CheckHop.Server, 16, client);
        Assert.Contains(words, trail.Failure!.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "the port accepts is all that was seen")]
    [InlineData(true, "both ports accept is all that was seen")]
    public async Task Of_RLM_no_more_is_said_than_was_seen(bool? isvAccepts, string words)
    {
        await using var rlm = new OneAnswer([]);
        await using var isv = new OneAnswer([]);
        var trail = await WalkAsync(new CheckedServer(LicenseKind.Rlm, new LicenseServer("127.0.0.1", rlm.Port, null), "acme", isvAccepts is null ? null : isv.Port));
        Assert.Null(trail.Failure);
        Assert.Equal((CheckHop.Rlm, CheckVerdict.Skipped), (trail.Steps[^1].Hop, trail.Steps[^1].Verdict));
        Assert.Contains(words, trail.Steps[^1].Text, StringComparison.Ordinal);
        Assert.Equal(isvAccepts is null ? 0 : 1, trail.Steps.Count(s => s.Hop == CheckHop.VendorPort));
    }

    [Fact]
    public async Task An_ISV_server_whose_port_is_closed_is_told()
    {
        await using var rlm = new OneAnswer([]);
        var trail = await WalkAsync(new CheckedServer(LicenseKind.Rlm, new LicenseServer("127.0.0.1", rlm.Port, null), "acme", 1));
        Assert.Equal((CheckHop.VendorPort, 11), (trail.Failure!.Hop, trail.Failure.Fault!.Exit));
        Assert.Contains("a relay for port 1", trail.Failure.Fault.Remedy, StringComparison.Ordinal);
    }

    private static Task<CheckTrail> WalkAsync(int port, string vendor) => WalkAsync(new CheckedServer(LicenseKind.FlexNet, new LicenseServer("127.0.0.1", port, null), vendor));

    private static async Task<CheckTrail> WalkAsync(CheckedServer server)
    {
        var trail = new CheckTrail(NodeWalk.NameOf(server));
        await NodeWalk.ServerAsync(trail, server, CancellationToken.None);
        return trail;
    }

    private static void AssertFailed(CheckTrail trail, string hop, int exit, string client)
    {
        Assert.NotNull(trail.Failure);
        Assert.Equal((hop, exit), (trail.Failure.Hop, trail.Failure.Fault!.Exit));
        Assert.StartsWith(client, trail.Failure.Fault.Client, StringComparison.Ordinal);
        Assert.NotEmpty(trail.Failure.Fault.Remedy);
    }

    /// <summary>A server that has one thing to say, whatever it is told.</summary>
    private sealed class OneAnswer : IAsyncDisposable
    {
        private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
        private readonly Task _serving;

        public OneAnswer(byte[] answer)
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
            _serving = ServeAsync(answer);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _serving.WaitAsync(SimulatedPair.Soon);
        }

        private async Task ServeAsync(byte[] answer)
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptAsync();
                    await client.ReceiveAsync(new byte[512], SocketFlags.None);
                    await client.SendAsync(answer, SocketFlags.None);
                    client.Shutdown(SocketShutdown.Send);
                    await client.ReceiveAsync(new byte[512], SocketFlags.None);
                }
            }
            catch (SocketException)
            {
                // Disposed.
            }
            catch (ObjectDisposedException)
            {
                // The same.
            }
        }
    }
}
