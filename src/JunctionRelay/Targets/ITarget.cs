using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>A place where connections leave.</summary>
internal interface ITarget
{
    /// <summary>As the configuration writes it; for logs, metrics and status.</summary>
    string Name { get; }

    /// <summary>
    /// Connects. <paramref name="portOffset"/>: for a relay of a port range, how far into the range the client's port was; 0 otherwise.
    /// </summary>
    ValueTask<DialOutcome> DialAsync(int portOffset, CancellationToken cancellationToken);

    /// <summary>Finds out as cheaply as it can whether the target would accept a connection; null = it would.</summary>
    ValueTask<DialOutcome> ProbeAsync(CancellationToken cancellationToken);
}
