using System.Runtime.InteropServices;

namespace JunctionRelay.App.Demo;

/// <summary>Completes when the user wants a simulator process to end: TERM, INT, or the invoker's own cancellation.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly PosixSignalRegistration _term;
    private readonly PosixSignalRegistration _interrupt;

    public StopRequest(CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Request);
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Request);
    }

    public CancellationToken Token => _stop.Token;

    public void Request() => _stop.Cancel();

    public void Dispose()
    {
        _term.Dispose();
        _interrupt.Dispose();
        _stop.Dispose();
    }

    private void Request(PosixSignalContext context)
    {
        // The process ends when its seats are returned, not before.
        context.Cancel = true;
        Request();
    }
}
