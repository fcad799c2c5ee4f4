using System.Net;
using System.Text;
using JunctionRelay.App.Ssh;
using JunctionRelay.Configuration;
using JunctionRelay.Tests.Configuration;

namespace JunctionRelay.Tests.Ssh;

/// <summary>From a command line for ssh to a configuration.</summary>
public sealed class ForwardConfigTests
{
    private const string Golden = "tests/JunctionRelay.Tests/Ssh/Golden";

    private static IReadOnlyList<string> Lines => [.. File.ReadAllLines(RepositoryFiles.Path($"{Golden}/lines.txt")).Where(l => l.StartsWith("ssh ", StringComparison.Ordinal))];

    [Fact]
    public void Each_line_of_the_table_becomes_the_configuration_that_stands_beside_it()
    {
        Assert.True(Lines.Count >= 40, $"only {Lines.Count} lines");
        var made = new StringBuilder("# Made from lines.txt (UPDATE_DOCS=1 makes it anew): look at what changes.\n");
        foreach (var line in Lines)
        {
            made.Append($"\n$ {line}\n");
            var read = SshCommandLine.Read([.. CommandWords.Of(line)!.Skip(1)]);
            foreach (var warning in read.Warnings) made.Append($"warning: {warning}\n");
            foreach (var problem in read.Problems) made.Append($"problem: {problem}\n");
            if (read.Problems.Count == 0) made.Append(ForwardConfig.Text(Config(read)));
        }

        var path = RepositoryFiles.Path($"{Golden}/configs.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, made.ToString());
        else
            Assert.Equal(File.ReadAllText(path), made.ToString());
    }

    [Fact]
    public void What_is_made_is_a_valid_configuration_both_as_a_file_and_as_keys()
    {
        using var folder = new ConfigFolder();
        foreach (var line in Lines)
        {
            var read = SshCommandLine.Read([.. CommandWords.Of(line)!.Skip(1)]);
            if (read.Problems.Count > 0) continue;
            var config = ForwardConfig.Of(read, null, null, Addresses);
            config["identity"] = new System.Text.Json.Nodes.JsonObject { ["certificate"] = "certs/cloud.crt", ["key"] = "certs/cloud.key", ["trust"] = "certs/ca.crt" };
            folder.Write("junction.json", ForwardConfig.Text(config));
            var problems = folder.Problems();
            Assert.True(problems.Count == 0, $"{line}: {string.Join('\n', problems)}");
            var asKeys = ConfigReader.Read(folder.Write("empty.json", "{}").Path("empty.json"), new Dictionary<string, string>(), ForwardConfig.Flat(config));
            Assert.Empty(asKeys.Problems);
            Assert.Equal(folder.Config().Relays!.Keys, asKeys.Config!.Relays!.Keys);
        }
    }

    [Theory]
    [InlineData("-L 6000-6049:server:9095-9144", "[\"127.0.0.1:6000-6049\", \"[::1]:6000-6049\"]", "[\"server:9095-9144\"]")]
    [InlineData("-L 8080:[::1]:80", "[\"127.0.0.1:8080\", \"[::1]:8080\"]", "[\"[::1]:80\"]")]
    [InlineData("-W web:80", "[\"stdio:\"]", "[\"web:80\"]")]
    public void Without_a_hop_it_is_connected_from_here(string line, string listen, string target)
    {
        var read = SshCommandLine.Read([.. CommandWords.Of(line)!]);
        Assert.Empty(read.Problems);
        var relay = Assert.Single(Config(read)["relays"]!.AsObject()).Value!;
        Assert.Equal((listen, target), (Flat(relay["listen"]!), Flat(relay["target"]!)));
        static string Flat(System.Text.Json.Nodes.JsonNode node) => node.ToJsonString().Replace("\",\"", "\", \"", StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_hop_socks_reaches_private_networks_but_not_this_machine()
    {
        var open = Config(SshCommandLine.Read(["-D", "1080"]))["relays"]!["D1080"]!["open"]!.AsArray().Select(e => OpenEntry.Read(e!.ToString(), out _)!).ToList();
        var list = new JunctionRelay.Routing.DestinationPatterns(open, _ => false);
        foreach (var (address, expected) in new[] { ("8.8.8.8", true), ("10.1.2.3", true), ("192.168.1.1", true), ("fd00::1", true), ("127.0.0.1", false), ("::1", false), ("169.254.169.254", false), ("fe80::1", false) })
            Assert.Equal(expected, list.Permits(new DnsEndPoint("name.example.com", 80), IPAddress.Parse(address)));
    }

    [Fact]
    public void Relays_of_one_port_have_names_of_their_own() => Assert.Equal(
        ["L8080", "L8080-2", "D8080"],
        Config(SshCommandLine.Read(["-L", "127.0.0.1:8080:a:1", "-L", "127.0.0.2:8080:b:1", "-D", "127.0.0.3:8080"]))["relays"]!.AsObject().Select(r => r.Key));

    private static System.Text.Json.Nodes.JsonObject Config(SshCommandLine line) => ForwardConfig.Of(line, null, null, Addresses);

    private static IReadOnlyList<IPAddress> Addresses(string name) => name == "localhost" ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Parse(name)];
}
