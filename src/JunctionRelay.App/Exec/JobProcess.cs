using System.Globalization;

namespace JunctionRelay.App.Exec;

/// <summary>The process of a job, watched from outside: it is nobody's child here. Told from a later process of the same number by its start (proc(5)).</summary>
internal sealed class JobProcess
{
    /// <summary>Seats must be free within 2 s.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly int _id;
    private readonly string? _start;

    public JobProcess(int id)
    {
        _id = id;
        _start = Read()?.Start;
    }

    /// <summary>Waits for its end.</summary>
    public async Task WhenEndedAsync(TimeProvider time)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (IsAlive) await timer.WaitForNextTickAsync();
    }

    // A dead one that nobody has fetched is dead; one whose first thread alone has ended is not.
    private bool IsAlive => _start is not null && Read() is { } now && now.Start == _start && (now.State is not ("Z" or "X") || Threads() > 1);

    private (string State, string Start)? Read()
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{_id}/stat"));
            // The name in parentheses may hold anything; field 3 comes next.
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ') is { Length: > 19 } fields ? (fields[0], fields[19]) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private int Threads()
    {
        try
        {
            return Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{_id}/task")).Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
