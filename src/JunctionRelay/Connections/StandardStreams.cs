using Microsoft.Win32.SafeHandles;

namespace JunctionRelay.Connections;

/// <summary>Standard input and output of this process as its one client (<c>stdio:</c>, <c>forward -W</c>). They are taken once, and the process is there for them.</summary>
internal sealed class StandardStreams
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Action? _begin;

    /// <summary>All is ready: the client may be taken.</summary>
    public void Begin() => _begin?.Invoke();

    /// <summary>Completes when the client's connection is over.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The listener with the one client.</summary>
    public ConnectionListener Listen()
    {
        // By their numbers: closing standard output must really close it, since that is the end that whoever reads it waits for.
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("stdio: is not done on Windows yet.");
        var input = new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        var output = new FileStream(new SafeFileHandle(1, ownsHandle: true), FileAccess.Write, bufferSize: 0);
        var listener = new SingleListener("stdio:", new StreamConnection(input, output, _ended.SetResult));
        _begin = listener.Begin;
        return listener;
    }
}
