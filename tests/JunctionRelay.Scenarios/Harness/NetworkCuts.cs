using System.Globalization;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>What networks do to connections that stand, done by the kernel's own means; all but a reset and a new address can be undone.</summary>
internal static class NetworkCuts
{
    /// <summary>Every connection of the host to or from this port is reset, at both ends.</summary>
    public static async Task Reset(Host host, int port)
    {
        var text = port.ToString(CultureInfo.InvariantCulture);
        await In(host, "ss", "-K", "-t", "state", "established", $"( dport = :{text} or sport = :{text} )");
    }

    /// <summary>A firewall drops every packet to and from this port, and tells nobody.</summary>
    public static async Task Drop(Host host, int port)
    {
        var text = port.ToString(CultureInfo.InvariantCulture);
        foreach (var chain in new[] { "INPUT", "OUTPUT" })
        {
            foreach (var end in new[] { "--sport", "--dport" })
                await In(host, "iptables", "--wait", "--append", chain, "--protocol", "tcp", end, text, "--jump", "DROP");
        }
    }

    /// <summary>A firewall answers for this port that nobody is there.</summary>
    public static Task Reject(Host host, int port) =>
        In(host, "iptables", "--wait", "--append", "INPUT", "--protocol", "tcp", "--dport", port.ToString(CultureInfo.InvariantCulture), "--jump", "REJECT", "--reject-with", "tcp-reset");

    /// <summary>The firewall lets everything pass again.</summary>
    public static Task Pass(Host host) => In(host, "iptables", "--wait", "--flush");

    /// <summary>The host's cable to another one is pulled out.</summary>
    public static Task Unplug(Host host, Host towards) => In(host, "ip", "link", "set", NetworkNamespaces.Interface(towards), "down");

    /// <summary>… and plugged in again.</summary>
    public static Task Plug(Host host, Host towards) => In(host, "ip", "link", "set", NetworkNamespaces.Interface(towards), "up");

    /// <summary>The host gets another address towards another one, and does not have the old one any more: packets to it vanish.</summary>
    public static async Task Readdress(Host host, Host towards, string from, string to)
    {
        // In this order: a second address of the same network would go with the first.
        await In(host, "ip", "addr", "del", from, "dev", NetworkNamespaces.Interface(towards));
        await In(host, "ip", "addr", "add", to, "dev", NetworkNamespaces.Interface(towards));
    }

    private static Task<string> In(Host host, string program, params string[] arguments) =>
        RealProgram.Succeed(program, arguments, new ProgramOptions { Host = host });
}
