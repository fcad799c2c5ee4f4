using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace JunctionRelay.App.Admin;

/// <summary>
/// Does what the admin endpoint has to work out, one thing at a time, on a thread of its own that stands behind those that relay in line for the processor: whoever looks takes
/// little from them.
/// </summary>
internal sealed class QuietThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    public QuietThread()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "admin" };
        _thread.Start();
    }

    /// <summary>The result of <paramref name="work"/>, once it has had its turn.</summary>
    public Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            _work.Add(() =>
            {
                try
                {
                    done.SetResult(work());
                }
                catch (Exception fault)
                {
                    done.SetException(fault);
                }
            });
        }
        catch (InvalidOperationException)
        {
            done.SetCanceled();   // we stop
        }

        return done.Task;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Run()
    {
        const int OfProcess = 0;
        const uint ThisThread = 0;   // to Linux a thread is a process here
        // A third of their weight. The last place in line would be behind every job of a busy node, too, and nobody would be told anything for minutes.
        const int Behind = 5;
        const int Last = 19;
        const int Usual = 0;   // SCHED_OTHER
        if (OperatingSystem.IsLinux())
        {
            // A junction that was given real-time scheduling was given it for relaying.
            _ = SetScheduler(0, Usual, 0);
            _ = SetPriority(OfProcess, ThisThread, Math.Min(GetPriority(OfProcess, ThisThread) + Behind, Last));
        }

        foreach (var work in _work.GetConsumingEnumerable()) work();
    }

    [DllImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetPriority(int which, uint who, int priority);

    [DllImport("libc", EntryPoint = "getpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetPriority(int which, uint who);

    // struct sched_param is one int.
    [DllImport("libc", EntryPoint = "sched_setscheduler")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetScheduler(int process, int policy, in int parameter);
}
