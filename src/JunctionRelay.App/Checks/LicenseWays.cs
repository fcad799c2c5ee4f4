using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>One license server of those that a check is about.</summary>
/// <param name="Vendor">Its vendor daemon where that is known, else empty.</param>
/// <param name="IsvPort">Of RLM, the port of its ISV server where a file pins it.</param>
internal sealed record CheckedServer(LicenseKind Kind, LicenseServer Server, string Vendor, int? IsvPort = null);

/// <summary>Ways to a license, of which a client needs so many: one of a list, two of a triad, all daemons of a file.</summary>
internal sealed class LicenseWays
{
    /// <summary>Three-server redundancy holds while two of the servers are up.</summary>
    private const int Quorum = 2;

    private LicenseWays(int needed, IReadOnlyList<LicenseWays> ways, CheckedServer? server = null) => (Needed, Ways, Server) = (needed, ways, server);

    /// <summary>How many of <see cref="Ways"/> must lead there.</summary>
    public int Needed { get; }

    public IReadOnlyList<LicenseWays> Ways { get; }

    /// <summary>The one server; null where there are <see cref="Ways"/>.</summary>
    public CheckedServer? Server { get; }

    /// <summary>All of them, in the order in which clients ask them.</summary>
    public IEnumerable<CheckedServer> Servers => Server is { } own ? [own] : Ways.SelectMany(w => w.Servers);

    /// <summary>A server, or the three of a triad.</summary>
    public static LicenseWays ToEntry(IReadOnlyList<CheckedServer> servers)
    {
        List<LicenseWays> each = [.. servers.Select(s => new LicenseWays(1, [], s))];
        return each is [var only] ? only : new LicenseWays(Math.Min(Quorum, each.Count), each);
    }

    /// <summary>Any of a list.</summary>
    public static LicenseWays ToAny(IReadOnlyList<LicenseWays> ways) => ways is [var only] ? only : new LicenseWays(1, ways);

    /// <summary>All of these.</summary>
    public static LicenseWays ToAll(IReadOnlyList<LicenseWays> ways) => ways is [var only] ? only : new LicenseWays(ways.Count, ways);

    /// <summary>Walks each of them, in order. Empty: enough lead there; else what came of those that are in the way.</summary>
    /// <param name="walk">Walks to one server; what stops it is the trail's <see cref="CheckTrail.Obstacle"/>.</param>
    public async Task<IReadOnlyList<CheckTrail>> WalkAsync(Func<CheckedServer, Task<CheckTrail>> walk)
    {
        if (Server is { } server) return await walk(server) is { Obstacle: not null } stopped ? [stopped] : [];
        var closed = new List<IReadOnlyList<CheckTrail>>();
        foreach (var way in Ways)
        {
            if (await way.WalkAsync(walk) is { Count: > 0 } inTheWay) closed.Add(inTheWay);
        }

        return Ways.Count - closed.Count >= Needed ? [] : [.. closed.SelectMany(c => c)];
    }
}
