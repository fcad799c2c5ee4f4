using System.Globalization;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// The published <c>junction</c> as a user runs it: <c>junction run CONFIG</c>, in any host, with its log read line by line. Its lines about
/// ended connections show that the bytes of a scenario really went through it.
/// </summary>
internal sealed class JunctionProcess : IAsyncDisposable
{
    private const string Variable = "JUNCTION_BINARY";
    private const string Config = "junction.json";

    private readonly TemporaryFolder _folder = new();
    private readonly ProgramOptions _options;
    private RealProgram? _program;
    private NotifySocket? _notify;
    private readonly List<(RealProgram Program, NotifySocket Notify)> _before = [];
    private int _starts;

    private JunctionProcess(ProgramOptions options) => _options = options;

    /// <summary>The host that it runs on, and on routes its name.</summary>
    public string Name => _options.Host.Name;

    /// <summary>The program as such: its lines, its signals, its end.</summary>
    public RealProgram Program => _program!;

    /// <summary>What it told its service manager so far.</summary>
    public IReadOnlyList<string> Told => _notify!.Told;

    /// <summary>The connections that have ended so far, in the order in which they ended.</summary>
    public IReadOnlyList<ConnectionLine> Connections => [.. _before.Select(b => b.Program).Append(Program).SelectMany(p => p.Lines).Select(ConnectionLine.Parse).OfType<ConnectionLine>()];

    /// <summary>The most memory that it ever held, in bytes (VmHWM).</summary>
    public long PeakMemoryBytes => Status("VmHWM:") * 1024;

    /// <summary>How many sockets it has open.</summary>
    public int Sockets => Directory.GetFileSystemEntries($"/proc/{Program.ProcessId}/fd").Count(f => new FileInfo(f).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    /// <summary>The processor time that it has used (user and system; proc(5): fields 14 and 15 of stat, in ticks of 10 ms).</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            var stat = string.Concat(Proc("stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');   // the name in parentheses may hold spaces; field 3 comes next
            return TimeSpan.FromMilliseconds(10 * (Ticks(fields[11]) + Ticks(fields[12])));

            static long Ticks(string text) => long.Parse(text, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Starts a junction with this configuration and waits until it says that it is ready.</summary>
    public static async Task<JunctionProcess> Start(string config, ProgramOptions? options = null)
    {
        var junction = new JunctionProcess(options ?? new ProgramOptions());
        try
        {
            junction._folder.Write(Config, config);
            await junction.Launch();
            return junction;
        }
        catch
        {
            await junction.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills it (SIGKILL) if it still runs, and starts it again with the same file: to its peers the same junction, in a new process.</summary>
    public async Task Restart()
    {
        await Stop();
        await Launch();
    }

    /// <summary>Gives it another configuration, or with null the same once more, and returns when that is in force (SIGHUP; READY=1 after it).</summary>
    public async Task Reload(string? config = null)
    {
        if (config is not null)
            _folder.Write(Config, config);
        var before = Reloads;
        Program.Send(Signal.Hup);
        await Deadline.Until(() => Reloads > before || Program.HasExited, Deadline.Soon, "the junction has read its configuration again", Program.Said);
        Assert.True(Told.Last(t => t.StartsWith("STATUS=", StringComparison.Ordinal)) == "STATUS=running", Program.Said());
    }

    /// <summary>Writes its configuration, and says nothing.</summary>
    public void Write(string config) => _folder.Write(Config, config);

    /// <summary>Starts another process with the same file that takes this one's place (<c>--takeover</c>), and returns when it serves. What went before drains.</summary>
    public async Task Replace()
    {
        _before.Add((_program!, _notify!));
        _program = null;
        _notify = null;
        await Launch("--takeover");
    }

    /// <summary>The processes whose places were taken.</summary>
    public IReadOnlyList<RealProgram> Predecessors => [.. _before.Select(b => b.Program)];

    /// <summary>A file of <c>conf.d</c> beside its configuration.</summary>
    public void WriteDropIn(string name, string config)
    {
        _folder.Folder("conf.d");
        _folder.Write(Path.Combine("conf.d", name), config);
    }

    public void DeleteDropIn(string name) => File.Delete(_folder[Path.Combine("conf.d", name)]);

    /// <summary>What it said that was neither good nor expected, for messages: warnings, errors, connections that were cut or refused.</summary>
    public string Trouble() => string.Join('\n', _before.Select(b => b.Program).Append(Program).SelectMany(p => p.Lines)
        .Where(l => !l.Contains(" info ", StringComparison.Ordinal) || ConnectionLine.Parse(l) is { IsClean: false })
        .TakeLast(20));

    /// <summary>Runs <c>junction</c> with these arguments to its end.</summary>
    public static Task<ProgramResult> Run(params string[] arguments) => RealProgram.Run(Binary(), arguments);

    /// <summary>Waits until <paramref name="count"/> connections, or more, have ended, and returns them.</summary>
    public async Task<IReadOnlyList<ConnectionLine>> Ended(int count, TimeSpan? within = null)
    {
        await Deadline.Until(() => Connections.Count >= count, within ?? Deadline.Soon, $"{count} connections end", Program.Said);
        return Connections;
    }

    /// <summary>Waits for a log line.</summary>
    public Task<string> Line(string part, TimeSpan? within = null) =>
        Program.Line(l => l.Contains(part, StringComparison.OrdinalIgnoreCase), $"'{part}'", within ?? Deadline.Soon);

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _folder.Dispose();
    }

    /// <summary>The published executable. Never a skip: a scenario without its subject is a failure.</summary>
    public static string Binary()
    {
        var path = Environment.GetEnvironmentVariable(Variable);
        Assert.True(
            File.Exists(path),
            $"{Variable} is '{path}', which is no file. It names the published program: run `bash tests/run.sh`, or `dotnet publish src/JunctionRelay.App -c Release -o OUT` and set {Variable}=OUT/junction.");
        return Path.GetFullPath(path!);
    }

    private async Task Launch(params string[] options)
    {
        _notify = new NotifySocket(_folder[$"notify{_starts++}"]);
        var environment = new Dictionary<string, string>(_options.Environment) { ["NOTIFY_SOCKET"] = _notify.Path };
        _program = RealProgram.Start(Binary(), ["run", _folder[Config], "--log-format", "text", .. options], _options with { Environment = environment });
        await Deadline.Until(() => Told.Contains("READY=1") || Program.HasExited, Deadline.Start, "the junction says READY=1 to its service manager", Program.Said);
        if (Program.HasExited)
            Assert.Fail($"The junction ended instead of starting: {await Program.Exit(Deadline.Soon)}");
    }

    private int Reloads => Told.Count(t => t.StartsWith("STATUS=running", StringComparison.Ordinal));

    // A scenario that ends has no connection worth draining; those that look at draining send their signals themselves.
    private async Task Stop()
    {
        if (_program is not null)
        {
            _program.Send(Signal.Kill);
            await _program.DisposeAsync();
        }

        if (_notify is not null)
            await _notify.DisposeAsync();

        foreach (var (program, notify) in _before)
        {
            program.Send(Signal.Kill);
            await program.DisposeAsync();
            await notify.DisposeAsync();
        }

        _before.Clear();
    }

    // proc(5)
    private string[] Proc(string file)
    {
        try
        {
            return File.ReadAllLines($"/proc/{Program.ProcessId}/{file}");
        }
        catch (IOException)
        {
            throw new InvalidOperationException($"The junction has ended:\n{Program.Said()}");
        }
    }

    private long Status(string field)
    {
        var line = Proc("status").Single(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }
}
