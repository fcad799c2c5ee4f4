using System.Globalization;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// Several machines on this one: network namespaces with their own addresses and names, joined by virtual cables and nothing else, so that two
/// hosts without a cable (or route) between them really cannot reach each other. Needs root; everything is removed at disposal.
/// </summary>
internal sealed class NetworkNamespaces : IAsyncDisposable
{
    private const string Mark = "jr";
    private const string Etc = "/etc/netns";

    private static int _created;

    private readonly string _run = string.Create(CultureInfo.InvariantCulture, $"{Mark}-{Environment.ProcessId}-{Interlocked.Increment(ref _created)}");
    private readonly List<Host> _hosts = [];

    // Once for all scenarios: two at the same namespace would each miss it.
    private static readonly Lazy<Task> Swept = new(Sweep);

    private NetworkNamespaces()
    {
    }

    /// <summary>An empty set of hosts. What a killed run left behind is removed first.</summary>
    public static async Task<NetworkNamespaces> Create()
    {
        Assert.True(Environment.IsPrivilegedProcess, "Scenarios with several hosts make network namespaces, which only root may: run them as root.");
        await Swept.Value;
        return new NetworkNamespaces();
    }

    private static async Task Sweep()
    {
        foreach (var line in (await RealProgram.Succeed("ip", ["netns", "list"])).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line.Split(' ')[0];
            if (name.Split('-') is [Mark, var process, ..] && !Directory.Exists($"/proc/{process}"))
                await Remove(name);
        }
    }

    /// <summary>A host with a loopback interface and the given lines in its own <c>/etc/hosts</c>.</summary>
    public async Task<Host> AddHost(string name, params string[] hosts)
    {
        var space = $"{_run}-{name}";
        await Ip("netns", "add", space);
        var host = new Host(name, ["ip", "netns", "exec", space], space);
        _hosts.Add(host);
        await Ip("-n", space, "link", "set", "lo", "up");
        SetNames(host, hosts);
        return host;
    }

    /// <summary>A cable between two hosts, with one or more addresses (in CIDR notation, IPv4 or IPv6) at each end.</summary>
    public static async Task Connect(Host one, string[] addressesOfOne, Host other, string[] addressesOfOther)
    {
        await Ip("link", "add", Interface(other), "netns", Space(one), "type", "veth", "peer", "name", Interface(one), "netns", Space(other));
        await Raise(one, Interface(other), addressesOfOne);
        await Raise(other, Interface(one), addressesOfOther);
    }

    /// <summary>Replaces the lines of a host's <c>/etc/hosts</c>; running programs see it, because the file stays the same one.</summary>
    public static void SetNames(Host host, params string[] lines)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Etc, Space(host))).FullName;
        File.WriteAllLines(Path.Combine(folder, "hosts"), ["127.0.0.1 localhost", "::1 localhost", .. lines]);
    }

    /// <summary>Whom the programs that a host starts from now on ask for names that its <c>/etc/hosts</c> has not.</summary>
    public static void SetNameServer(Host host, string address) => File.WriteAllText(Path.Combine(Etc, Space(host), "resolv.conf"), $"nameserver {address}\n");

    /// <summary>
    /// From now on what a host sends to this address vanishes without a trace, and what comes from there is heard but not answered: a machine that
    /// lost its power, or a firewall that forgot a connection.
    /// </summary>
    public static Task Silence(Host host, string towards) => Ip("-n", Space(host), "route", "add", "blackhole", towards);

    /// <summary>A host's end of its cable to another one.</summary>
    public static string Interface(Host towards) => $"to-{towards.Name}";   // 15 characters at most, says the kernel

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await Remove(Space(host));
    }

    private static string Space(Host host) => host.Namespace!;

    private static async Task Raise(Host host, string device, string[] addresses)
    {
        foreach (var address in addresses)
            await Ip(["-n", Space(host), "addr", "add", address, "dev", device, .. address.Contains(':', StringComparison.Ordinal) ? new[] { "nodad" } : []]);
        await Ip("-n", Space(host), "link", "set", device, "up");
    }

    private static async Task Remove(string space)
    {
        foreach (var process in (await RealProgram.Succeed("ip", ["netns", "pids", space])).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            RealProgram.Send(int.Parse(process, CultureInfo.InvariantCulture), Signal.Kill);
        await Ip("netns", "delete", space);
        Directory.Delete(Path.Combine(Etc, space), recursive: true);
        if (!Directory.EnumerateFileSystemEntries(Etc).Any())
            Directory.Delete(Etc);
    }

    private static Task<string> Ip(params string[] arguments) => RealProgram.Succeed("ip", arguments);
}
