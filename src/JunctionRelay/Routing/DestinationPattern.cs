using System.IO.Enumeration;
using System.Net;

namespace JunctionRelay.Routing;

/// <summary>
/// One entry of an <c>open</c> list: which hosts, and which of their ports. A host is a name, a pattern of names, a range of addresses, or the path of a
/// unix socket; exactly one of the three is set.
/// </summary>
/// <param name="Text">As it is written, for messages.</param>
/// <param name="Names">A name, or a pattern with <c>*</c> and <c>?</c>, without a final dot.</param>
/// <param name="Addresses">An address, or a range of them.</param>
/// <param name="UnixPath">The path of a unix socket.</param>
/// <param name="FirstPort">The first port; for a unix socket 0.</param>
/// <param name="LastPort">The last port.</param>
internal sealed record DestinationPattern(string Text, string? Names, IPNetwork? Addresses, string? UnixPath, int FirstPort, int LastPort)
{
    /// <summary>
    /// Last labels of names that only somebody's own name servers know: those that will never be delegated (ICANN 2018-02-04-12, RFC 6761, 6762, 8375,
    /// and <c>internal</c>, 2024), and those that home routers and companies use all the same.
    /// </summary>
    private static readonly string[] OwnLastLabels =
        ["corp", "home", "mail", "internal", "local", "localdomain", "lan", "intranet", "private", "test"];

    private static readonly char[] Wildcards = ['*', '?'];

    private readonly Reach _reach = ReachOf(Names);

    /// <summary>What the names of a pattern can be trusted to stand for.</summary>
    private enum Reach
    {
        /// <summary>One name: whoever wrote it down means that host, wherever it is.</summary>
        Named,
        /// <summary>Names below a domain of somebody's own, or short names of this network: never this machine.</summary>
        OwnDomain,
        /// <summary>Names that anybody can have, and so point anywhere: hosts of the internet alone.</summary>
        Anybody,
    }

    /// <summary>Whether the entry names the host of <paramref name="name"/> (without a final dot) and the port.</summary>
    public bool Matches(string name, int port) => Names is not null && HasPort(port) && MatchesName(name);

    /// <summary>Whether the entry has addresses with this port.</summary>
    public bool HasAddressesWith(int port) => Addresses is not null && HasPort(port);

    /// <summary>Whether a host that the entry names may be at an address of this kind.</summary>
    public bool Covers(AddressKind kind, IPAddress address, Func<IPAddress, bool> isThisMachine) => _reach switch
    {
        Reach.Named => true,
        Reach.OwnDomain => kind != AddressKind.Local,
        _ => kind == AddressKind.Public && !isThisMachine(address),
    };

    /// <summary>
    /// Whether an address that is named as such, or that a name leads to, is in the entry's range. A range that reaches beyond the special ranges it holds
    /// (0.0.0.0/0, for one) means the internet.
    /// </summary>
    public bool Covers(AddressKind kind, IPNetwork? special, IPAddress address, int port, Func<IPAddress, bool> isThisMachine)
    {
        if (Addresses is not { } range || !HasPort(port) || !range.Contains(address))
            return false;
        return kind == AddressKind.Public
            ? range.PrefixLength > 0 || !isThisMachine(address)
            : special is { } around && range.PrefixLength >= around.PrefixLength;
    }

    /// <summary>A bare <c>*</c>: any host of the internet, also one that is named by its address.</summary>
    public bool IsEverything => Names is not null && Names.Trim('*').Length == 0;

    public bool HasPort(int port) => port >= FirstPort && port <= LastPort;

    private bool MatchesName(string name)
    {
        if (_reach == Reach.Named)
            return name.Equals(Names, StringComparison.OrdinalIgnoreCase);
        // A pattern without a dot means the short names of this network, not evil.example.com.
        return (IsEverything || Names!.Contains('.') || !name.Contains('.')) && FileSystemName.MatchesSimpleExpression(Names, name, ignoreCase: true);
    }

    private static Reach ReachOf(string? names)
    {
        if (names is null || names.IndexOfAny(Wildcards) < 0)
            return Reach.Named;
        if (!names.Contains('.'))
            return names.Any(c => !Wildcards.Contains(c)) ? Reach.OwnDomain : Reach.Anybody;
        // What stands whole after the last wildcard: of *.example.com both labels, of *ample.com only the last.
        var fixedEnd = names[(names.LastIndexOfAny(Wildcards) + 1)..];
        var labels = fixedEnd.Split('.')[1..];
        return labels.Length > 1 || labels is [var last] && OwnLastLabels.Contains(last, StringComparer.OrdinalIgnoreCase) ? Reach.OwnDomain : Reach.Anybody;
    }

    public override string ToString() => Text;
}
