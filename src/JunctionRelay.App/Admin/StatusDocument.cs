using System.Text.Json.Serialization;

namespace JunctionRelay.App.Admin;

/// <summary>What <c>/status</c> says, as JSON: a contract with programs that read it. Keys may be added, and none changes its meaning.</summary>
internal sealed record StatusDocument
{
    public required string Name { get; init; }
    public required string Version { get; init; }
    public required int Process { get; init; }
    public required DateTimeOffset Started { get; init; }
    public required DateTimeOffset Now { get; init; }

    /// <summary><c>starting</c>, <c>running</c> or <c>draining</c>.</summary>
    public required string State { get; init; }

    /// <summary>Whether new connections get anywhere: what <c>/readyz</c> says.</summary>
    public required bool Ready { get; init; }

    /// <summary>Why it is not ready; null when it is.</summary>
    public string? NotReady { get; init; }

    public required StatusConfiguration Configuration { get; init; }

    /// <summary>What became of the log; null where it is not this junction's own.</summary>
    public StatusLog? Log { get; init; }

    /// <summary>What could not be written down for the next start when that was last tried; null where a junction of an earlier version is asked.</summary>
    public IReadOnlyList<StatusUnwritten>? Unwritten { get; init; }

    /// <summary>Connections being relayed now.</summary>
    public required int ConnectionCount { get; init; }

    /// <summary>How many the descriptors of this process allow; null = no limit is known.</summary>
    public int? MostConnections { get; init; }

    /// <summary>Bytes passed on since the start.</summary>
    public required long BytesToTarget { get; init; }
    public required long BytesToClient { get; init; }

    /// <summary>Relays, and the services that peers use.</summary>
    public required IReadOnlyList<StatusRelay> Relays { get; init; }
    public required IReadOnlyList<StatusLink> Links { get; init; }

    /// <summary>The first to expire first.</summary>
    public required IReadOnlyList<StatusCertificate> Certificates { get; init; }
    public required StatusEnds Ends { get; init; }

    /// <summary>The oldest first, at most <see cref="StatusReader.MostConnections"/>; <see cref="ConnectionCount"/> counts all.</summary>
    public IReadOnlyList<StatusConnection>? Connections { get; init; }

    /// <summary>The licenses in use, where relays follow license servers; with <see cref="Connections"/> only.</summary>
    public IReadOnlyList<StatusSeats>? Seats { get; init; }
}

/// <summary>The seats of one vendor daemon.</summary>
/// <param name="Relay">The relay, or <c>service/NAME</c>, whose license server it is.</param>
/// <param name="Held">All of them.</param>
/// <param name="Holders">The longest first, at most <see cref="StatusReader.MostConnections"/>; those of one user on one node through one peer are one line.</param>
internal sealed record StatusSeats(string Relay, string Vendor, int Held, IReadOnlyList<StatusHolder> Holders);

/// <param name="User">As the client says, like the host.</param>
/// <param name="Client">The address of the node, as the first junction saw it.</param>
/// <param name="Peer">The junction that they come through, or the name of the client's certificate; null where none was proved.</param>
/// <param name="Since">Since when the oldest of them is held.</param>
internal sealed record StatusHolder(string? User, string? Host, string Client, string? Peer, int Held, DateTimeOffset Since);

/// <param name="ReadAt">When the configuration was last read.</param>
/// <param name="Succeeded">Whether it was usable; if not, the one before it still runs.</param>
internal sealed record StatusConfiguration(DateTimeOffset ReadAt, bool Succeeded, IReadOnlyList<string> Problems);

/// <param name="Dropped">Lines since the start that nobody took.</param>
/// <param name="Failing">Why the last ones could not be written; null when they were.</param>
internal sealed record StatusLog(long Dropped, string? Failing);

/// <param name="Kind"><c>certificate</c>, <c>deny-list</c> or <c>authority</c>.</param>
internal sealed record StatusUnwritten(string Kind, string Path, string Failing);

/// <param name="Kind"><c>relay</c> or <c>service</c>.</param>
/// <param name="HasPath">A connection would get somewhere now.</param>
/// <param name="MostConnections">Its limit; null = none.</param>
/// <param name="Ended">Connections that ended since the start.</param>
/// <param name="Denied">Connections that were refused, by rule.</param>
internal sealed record StatusRelay(
    string Name, string Kind, IReadOnlyList<string> Listen, bool HasPath, long Connections, int? MostConnections, long Ended, IReadOnlyDictionary<string, long> Denied,
    long BytesToTarget, long BytesToClient, IReadOnlyList<StatusTarget> Targets)
{
    /// <summary>A service that peers do not get, although it is there.</summary>
    public bool Paused { get; init; }
}

/// <param name="Up">As far as anybody knows: a target that is not probed is never down.</param>
/// <param name="Detail">Why it is down; null while up.</param>
/// <param name="DialFailures">Dials for clients that failed since the start.</param>
internal sealed record StatusTarget(string Name, bool Up, bool Probed, int Connections, long DialFailures, string? Detail);

/// <param name="Name">As in the configuration: a key of <c>links</c>, or of <c>peers</c> for those that dial in.</param>
/// <param name="Direction"><c>out</c>: we dial; <c>in</c>: the peer does.</param>
/// <param name="Address">Of the other end.</param>
/// <param name="Detail">Why it is down, as far as it is known.</param>
internal sealed record StatusLink(
    string Name, string Peer, string Direction, bool Up, string? Address, double? RoundTripSeconds, int Streams, int Resumes, bool PeerDraining, double? DownSeconds,
    string? Session, string? Detail);

/// <param name="Kind">The key of the configuration that names its file.</param>
/// <param name="DaysLeft">Negative when it has expired.</param>
internal sealed record StatusCertificate(string Kind, string File, string Name, string Issuer, DateTimeOffset NotBefore, DateTimeOffset NotAfter, double DaysLeft)
{
    private const double MostDaysUrgent = 3, MostDaysNear = 14;

    /// <summary>
    /// <c>good</c>; <c>near</c>: under a quarter of its life is left, and under 14 days; <c>urgent</c>: under a sixth, and under 3 days; <c>expired</c>. What renews itself does so while
    /// a third is left: one that is near has missed it.
    /// </summary>
    public string State => DaysLeft switch
    {
        < 0 => "expired",
        _ when DaysLeft < Math.Min(Life / 6, MostDaysUrgent) => "urgent",
        _ when DaysLeft < Math.Min(Life / 4, MostDaysNear) => "near",
        _ => "good",
    };

    private double Life => (NotAfter - NotBefore).TotalDays;
}

/// <param name="ByReason">All since the start.</param>
/// <param name="Recent">The last ones, the newest first.</param>
internal sealed record StatusEnds(IReadOnlyDictionary<string, long> ByReason, IReadOnlyList<StatusEnd> Recent);

internal sealed record StatusEnd(
    DateTimeOffset At, string Id, string Relay, string Client, string Peer, string Target, long BytesToTarget, long BytesToClient, double Seconds, string Reason, string? Detail,
    string? User, string? Host, string? Vendor);

/// <param name="Client">The address of the client as the first junction saw it: the node.</param>
/// <param name="Peer">The name that its certificate, or that of the junction before us, proved; null where none did.</param>
/// <param name="Target">The target that was dialled last; null before.</param>
/// <param name="Stage"><c>opening</c> or <c>relaying</c>.</param>
/// <param name="User">Who holds a license over it, where the relay follows the license protocol.</param>
internal sealed record StatusConnection(
    string Id, string Relay, string Client, string? Peer, string? Target, DateTimeOffset Since, string Stage, long BytesToTarget, long BytesToClient,
    string? User, string? Host, string? Vendor);

/// <summary>Makes and reads the JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(FullFrame))]
[JsonSerializable(typeof(DeltaFrame))]
internal sealed partial class StatusJson : JsonSerializerContext;
