using System.Net;

namespace JunctionRelay.App.Checks;

/// <summary>The hops of one way, in the order in which they were looked at. The first that failed is the finding.</summary>
/// <param name="name">The relay or server that it is about.</param>
/// <param name="told">Hears of every step at once: a hop may take ten seconds, and people want to see it.</param>
internal sealed class CheckTrail(string name, Action<CheckStep> told)
{
    private readonly List<CheckStep> _steps = [];
    private CheckStep? _last;   // the first failure of those that were no more than warnings

    public string Name => name;

    public IReadOnlyList<CheckStep> Steps => _steps;

    /// <summary>There is another way beside the one that is looked at: what fails is a warning, until <see cref="GiveUp"/>.</summary>
    public bool HasOtherWays { get; set; }

    /// <summary>The finding; null when all is well.</summary>
    public CheckStep? Failure => _steps.Find(s => s.Verdict == CheckVerdict.Failed);

    /// <summary>Where this way stops: the finding, or what would be one if there were no other way; null when it leads there.</summary>
    public CheckStep? Obstacle => Failure ?? (HasOtherWays ? _last : null);

    public void Ok(string hop, string text, TimeSpan? time = null) => Add(new CheckStep(hop, CheckVerdict.Ok, text, time));

    public void Warn(string hop, string text, TimeSpan? time = null) => Add(new CheckStep(hop, CheckVerdict.Warning, text, time));

    public void Skip(string hop, string text) => Add(new CheckStep(hop, CheckVerdict.Skipped, text));

    public void Fail(string hop, CheckFault fault, TimeSpan? time = null)
    {
        var step = new CheckStep(hop, CheckVerdict.Failed, fault.Text, time, fault);
        if (HasOtherWays) _last ??= step;
        Add(HasOtherWays ? step with { Verdict = CheckVerdict.Warning } : step);
    }

    /// <summary>None of the other ways leads there: the first failure was one.</summary>
    public void GiveUp()
    {
        if (_last is not null) Add(_last);
    }

    /// <summary>Looks a name up as every program of this machine does: hosts file, then DNS. Null when it has no address, and why.</summary>
    public static async Task<(IReadOnlyList<IPAddress>? Addresses, string Why, TimeSpan Time)> ResolveAsync(string host, CancellationToken stop)
    {
        var started = TimeProvider.System.GetTimestamp();
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(CheckLimits.Resolve);
            // The system's resolver cannot be cancelled once it has begun: then it is left to itself.
            var addresses = await Dns.GetHostAddressesAsync(host, CancellationToken.None).WaitAsync(limit.Token);
            return addresses.Length > 0 ? (addresses, "", Elapsed()) : (null, $"{host} has no address", Elapsed());
        }
        catch (System.Net.Sockets.SocketException e)
        {
            return (null, $"{host} does not resolve on this machine: {e.Message}", Elapsed());
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return (null, $"{host} does not resolve on this machine: no answer within {CheckLimits.Resolve.TotalSeconds:0} s", Elapsed());
        }

        TimeSpan Elapsed() => TimeProvider.System.GetElapsedTime(started);
    }

    private void Add(CheckStep step)
    {
        _steps.Add(step);
        told(step);
    }
}

/// <summary>How long a check waits for what: less than a person, and in all less than 15 s for any one fault.</summary>
internal static class CheckLimits
{
    public static readonly TimeSpan Resolve = TimeSpan.FromSeconds(6);

    /// <summary>Of a TCP connection: three tries of the system's (at 0, 1 and 3 s).</summary>
    public static readonly TimeSpan Connect = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan Handshake = TimeSpan.FromSeconds(5);

    /// <summary>Of a far junction's answer, which for a check waits 5 s for a target that is silent; there may be two of them.</summary>
    public static readonly TimeSpan FarDial = TimeSpan.FromSeconds(11);

    /// <summary>Of an answer from a server that has accepted.</summary>
    public static readonly TimeSpan Answer = TimeSpan.FromSeconds(4);

    /// <summary>… and after we have said that nothing more will come, at which servers of other protocols find words.</summary>
    public static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    /// <summary>Of a vendor daemon, which may well be silent until it is asked for a license.</summary>
    public static readonly TimeSpan Greeting = TimeSpan.FromSeconds(2);

    /// <summary>Of the vendor's own program.</summary>
    public static readonly TimeSpan Program = TimeSpan.FromSeconds(10);
}
