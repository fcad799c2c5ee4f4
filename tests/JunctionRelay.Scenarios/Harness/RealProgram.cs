using System.Diagnostics;
using System.Runtime.InteropServices;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>Signals that scenarios send (Linux numbers).</summary>
internal enum Signal
{
    Hup = 1,
    Int = 2,
    Quit = 3,
    Kill = 9,
    Usr2 = 12,
    Term = 15,
    Cont = 18,
    Stop = 19,
}

/// <summary>How a program is started, beyond its name and arguments.</summary>
internal sealed record ProgramOptions
{
    /// <summary>The machine or namespace that it runs in.</summary>
    public Host Host { get; init; } = Host.Machine;

    /// <summary>Variables set on top of this process's own.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>The folder that it starts in.</summary>
    public string? Folder { get; init; }

    /// <summary>Words that come before the program's own: <c>prlimit …</c>, <c>setpriv …</c>. Each must exec, not fork.</summary>
    public IReadOnlyList<string> Wrapper { get; init; } = [];

    /// <summary>What it reads from its standard input, which then ends; null leaves the input open for <see cref="RealProgram.Input"/>.</summary>
    public string? Input { get; init; }

    /// <summary>What asks it to stop before it is killed.</summary>
    public Signal StopSignal { get; init; } = Signal.Term;
}

/// <summary>How a program ended.</summary>
internal sealed record ProgramResult(int ExitCode, string Output, string Error)
{
    /// <summary>Everything it said, for messages.</summary>
    public override string ToString() => $"exit {ExitCode}\n{Output}{Error}".TrimEnd();
}

/// <summary>
/// A real peer: started in a process group of its own, its output kept, every wait with a deadline, the whole group killed at disposal.
/// </summary>
internal sealed class RealProgram : IAsyncDisposable
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(3);

    private int _disposed;
    private readonly Process _process;
    private readonly ProgramOptions _options;
    private readonly List<string> _output = [];    // locked by itself, as the next one
    private readonly List<string> _error = [];
    private readonly TaskCompletionSource _outputEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _errorEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private RealProgram(string program, IReadOnlyList<string> arguments, ProgramOptions options)
    {
        Name = Path.GetFileName(program);
        _options = options;

        // setsid execs in place (a child of ours never leads a group), so the process id is the program's and the group's at once.
        string[] words = ["setsid", .. options.Host.Prefix, .. options.Wrapper, program, .. arguments];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = options.Folder ?? "",
        };
        // JUNCTION_… steers this run, and to a junction it would be configuration.
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("JUNCTION_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        foreach (var (name, value) in options.Environment)
            start.Environment[name] = value;

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Keep(_output, e.Data, _outputEnded);
        _process.ErrorDataReceived += (_, e) => Keep(_error, e.Data, _errorEnded);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        if (options.Input is not null)
        {
            _process.StandardInput.Write(options.Input);
            _process.StandardInput.Close();
        }
    }

    /// <summary>The program's name, for messages.</summary>
    public string Name { get; }

    /// <summary>Its process id, which is its process group too.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>What it reads.</summary>
    public StreamWriter Input => _process.StandardInput;

    /// <summary>Every line so far, standard output first.</summary>
    public IReadOnlyList<string> Lines => [.. Copy(_output), .. Copy(_error)];

    /// <summary>The lines of standard output after the first so many: for who looks often, where there are thousands.</summary>
    public IReadOnlyList<string> OutputAfter(int lines)
    {
        lock (_output)
            return _output[lines..];
    }

    /// <summary>Starts a program that stays.</summary>
    public static RealProgram Start(string program, IReadOnlyList<string> arguments, ProgramOptions? options = null) =>
        new(program, arguments, options ?? new ProgramOptions());

    /// <summary>Runs a program to its end.</summary>
    public static async Task<ProgramResult> Run(string program, IReadOnlyList<string> arguments, ProgramOptions? options = null, TimeSpan? within = null)
    {
        await using var running = Start(program, arguments, (options ?? new ProgramOptions()) with { Input = options?.Input ?? "" });
        return await running.Exit(within ?? Deadline.Start);
    }

    /// <summary>Runs a program to its end and fails unless it says that all went well.</summary>
    public static async Task<string> Succeed(string program, IReadOnlyList<string> arguments, ProgramOptions? options = null, TimeSpan? within = null)
    {
        var result = await Run(program, arguments, options, within);
        Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {result}");
        return result.Output;
    }

    /// <summary>Waits for its end.</summary>
    public async Task<ProgramResult> Exit(TimeSpan within)
    {
        await Task.WhenAll(_process.WaitForExitAsync(), _outputEnded.Task, _errorEnded.Task).Within(within, $"the end of {Name}", Said);
        return new ProgramResult(_process.ExitCode, string.Concat(Copy(_output).Select(l => l + "\n")), string.Concat(Copy(_error).Select(l => l + "\n")));
    }

    /// <summary>Waits for a line that it prints; fails at once when it ends without.</summary>
    public async Task<string> Line(Func<string, bool> wanted, string what, TimeSpan? within = null)
    {
        string? found = null;
        await Deadline.Until(
            () => (found = Lines.FirstOrDefault(wanted)) is not null || (HasExited && _outputEnded.Task.IsCompleted && _errorEnded.Task.IsCompleted),
            within ?? Deadline.Start,
            $"{Name} prints {what}",
            Said);
        return found ?? Lines.FirstOrDefault(wanted) ?? throw new InvalidOperationException($"{Name} ended without printing {what}:\n{Said()}");
    }

    /// <summary>Waits until the program, or something it started, accepts connections on a port of its host.</summary>
    public Task Listening(int port, TimeSpan? within = null) =>
        Deadline.Until(
            () => HasExited ? throw new InvalidOperationException($"{Name} ended before it listened on {port}:\n{Said()}") : ListensOn(port),
            within ?? Deadline.Start,
            $"{Name} listens on {port}",
            Said);

    /// <summary>Sends a signal to the program alone.</summary>
    public void Send(Signal signal)
    {
        if (!HasExited)
            Send(ProcessId, signal);
    }

    /// <summary>Sends a signal to a process, or to the group of <c>-process</c>; one that has gone is no failure.</summary>
    public static void Send(int process, Signal signal) => _ = Kill(process, (int)signal);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Send(_options.StopSignal);
        if (!HasExited && _options.StopSignal != Signal.Kill)
            await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(StopGrace));
        Send(-ProcessId, Signal.Kill);   // what is left of the group, also when its leader has gone
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>The last that it said, for messages.</summary>
    public string Said()
    {
        var lines = Lines;
        const int Most = 30;
        return (lines.Count > Most ? $"({lines.Count - Most} lines before)\n" : "") + string.Join('\n', lines.TakeLast(Most));
    }

    // /proc/PID/net is the process's own namespace; asking there disturbs nothing, as a probing connection would.
    private bool ListensOn(int port)
    {
        const string Listen = "0A";
        var wanted = $":{port:X4}";
        foreach (var table in new[] { "tcp", "tcp6" })
        {
            try
            {
                foreach (var line in File.ReadLines($"/proc/{ProcessId}/net/{table}").Skip(1))
                {
                    var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    if (fields[1].EndsWith(wanted, StringComparison.Ordinal) && fields[3] == Listen)
                        return true;
                }
            }
            catch (IOException)
            {
                return false;   // it has just ended; the next look says so
            }
        }

        return false;
    }

    private static void Keep(List<string> lines, string? line, TaskCompletionSource ended)
    {
        if (line is null)
        {
            ended.TrySetResult();
            return;
        }

        lock (lines)
            lines.Add(line);
    }

    private static string[] Copy(List<string> lines)
    {
        lock (lines)
            return [.. lines];
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
