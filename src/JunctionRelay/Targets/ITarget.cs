using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>A place where connections leave.</summary>
internal interface ITarget
{
    /// <summary>As the configuration writes it; for logs, metrics and status.</summary>
    string Name { get; }

    /// <summary>Connects.</summary>
    ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken);

    /// <summary>Finds out as cheaply as it can whether the target would accept a connection. A connection that it returns is the caller's to abort.</summary>
    ValueTask<DialOutcome> ProbeAsync(CancellationToken cancellationToken);
}
