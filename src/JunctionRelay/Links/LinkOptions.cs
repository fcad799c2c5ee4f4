using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>What one end of a link is and grants; values of the plan, complete.</summary>
internal sealed record LinkOptions
{
    /// <summary>Who we are.</summary>
    public required LinkParty Self { get; init; }

    /// <summary>Streams that the peer may have open at once.</summary>
    public int MaxStreams { get; init; } = 10_000;

    /// <summary>Bytes of each stream that may come before any CREDIT, reserved for it in the budget.</summary>
    public int InitialWindow { get; init; } = 16 * 1024;

    /// <summary>Memory that one link may fill in each direction: granted to the peer, and held for resending.</summary>
    public long BudgetBytes { get; init; } = 128L * 1024 * 1024;

    /// <summary>How long streams live without a transport; the smaller of both ends holds. Zero: not at all.</summary>
    public TimeSpan Resume { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A PING this often; after three without a sign of life the transport is dropped.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From the end of TLS to the peer's HELLO, and from there to the end of its KNOWN.</summary>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A lost or failed link is dialled again within this; then within twice the time, up to <see cref="LongestRetry"/>; full jitter.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The same while a session waits for a transport: its streams do so for <see cref="Resume"/> only, and a peer that came back without it must be found soon.</summary>
    public TimeSpan LongestResumeRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long new connections wait for a link that was lost a moment ago.</summary>
    public TimeSpan HoldOpens { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long they wait when the peer has said that it drains: its successor, or another of its name, is about to be dialled.</summary>
    public TimeSpan HoldOpensWhileDraining { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a dialler looks for new junctions behind the name that it dialled: between half of this and all of it.</summary>
    public TimeSpan LookRound { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a CREDIT that nobody waits for may be put off.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The TLS connection is replaced after so many bytes, since its keys cannot be.</summary>
    public long RotateAfterBytes { get; init; } = 64L * 1024 * 1024 * 1024;

    /// <summary>When an authority is trusted no more: a peer that has not come back under the others by then loses its connection.</summary>
    public TimeSpan RotationGrace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>What this end can do beyond what every end must; used where the other end can, too.</summary>
    public LinkFeatures Features { get; init; } = LinkFeatures.Compression;

    /// <summary>Name and version of the program, for the peer's logs.</summary>
    public string? Software { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public required ILogger Log { get; init; }

    public LinkLimits Limits => new((uint)MaxStreams, (uint)InitialWindow, (uint)Math.Min(Resume.TotalMilliseconds, uint.MaxValue));
}
