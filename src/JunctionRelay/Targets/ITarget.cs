using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>A place where connections leave.</summary>
internal interface ITarget
{
    /// <summary>As the configuration writes it; for logs, metrics and status.</summary>
    string Name { get; }

    /// <summary>Where exactly <paramref name="request"/> goes: which port of a range, which destination of the client's; for the log.</summary>
    string NameFor(DialRequest request) => Name;

    /// <summary>Whether it goes where the client asks to go; others know one place, and are no answer to a client that names one.</summary>
    bool TakesDestination => false;

    /// <summary>The same place at another port: that of a vendor daemon beside the license server that this is.</summary>
    ITarget AtPort(int port) => throw new NotSupportedException($"{Name} has no ports.");

    /// <summary>Connects.</summary>
    ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken);

    /// <summary>It can be dialled without waiting for it to come back from a moment's absence: others are tried first while it cannot.</summary>
    bool IsReady => true;

    /// <summary>How often it is worth asking with <see cref="ProbeAsync"/>; null = as often as the relay says.</summary>
    TimeSpan? ProbeInterval => null;

    /// <summary>Completes when <see cref="ProbeAsync"/> may have something else to say; null where only asking tells.</summary>
    Task? News => null;

    /// <summary>Finds out as cheaply as it can whether the target would accept a connection: null if so, else the failure.</summary>
    ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken);
}
