using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.App.Demo;

/// <summary>The WAN under a link, with shears: connects like the connector that it wraps, until it is cut, and again once it is mended.</summary>
internal sealed class CuttableConnector(ILinkConnector inner) : ILinkConnector
{
    private volatile TaskCompletionSource? _cut;   // completes when the way is open again
    private volatile Connection? _connection;

    public bool HasOthers => inner.HasOthers;

    public bool IsRoundOver => inner.IsRoundOver;

    public ILinkConnector Others() => inner.Others();

    public Task<ILinkConnector?> PreferredAsync(CancellationToken cancellationToken) => inner.PreferredAsync(cancellationToken);

    public void IsNotAt(Guid instance) => inner.IsNotAt(instance);

    public async Task<DialOutcome?> ConnectAsync(bool wasRight, CancellationToken cancellationToken)
    {
        if (_cut is { } cut) await cut.Task.WaitAsync(cancellationToken);
        var outcome = await inner.ConnectAsync(wasRight, cancellationToken);
        _connection = outcome?.Connection;
        return outcome;
    }

    /// <summary>Resets the TCP connection, both ways, and lets no other through.</summary>
    public void Cut()
    {
        _cut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connection?.Abort(CloseReason.LinkLost);
    }

    /// <summary>Lets connections through again.</summary>
    public void Mend() => _cut?.TrySetResult();
}
