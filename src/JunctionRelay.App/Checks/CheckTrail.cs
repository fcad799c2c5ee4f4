using System.Net;

namespace JunctionRelay.App.Checks;

/// <summary>The hops of one way, in the order in which they were looked at, each with the time since the one before. The first that failed is the finding.</summary>
/// <param name="name">The relay or server that it is about.</param>
internal sealed class CheckTrail(string name)
{
    private readonly List<CheckStep> _steps = [];   // with _told, its own lock: a way is walked on one thread, and told on another
    private Action<CheckStep>? _told;
    private CheckStep? _last;   // the first failure of those that were no more than warnings
    private long _since = TimeProvider.System.GetTimestamp();

    public string Name => name;

    public IReadOnlyList<CheckStep> Steps => _steps;

    /// <summary>There is another way beside the one that is looked at: what fails is a warning, until <see cref="GiveUp"/>.</summary>
    public bool HasOtherWays { get; init; }

    /// <summary>False where the clients are known to be no FlexNet programs: what those would print is not said then.</summary>
    public bool HasFlexNetClients { get; set; } = true;

    /// <summary>The finding; null when all is well.</summary>
    public CheckStep? Failure => _steps.Find(s => s.Verdict == CheckVerdict.Failed);

    /// <summary>Where this way stops: the finding, or what would be one if there were no other way; null when it leads there.</summary>
    public CheckStep? Obstacle => Failure ?? (HasOtherWays ? _last : null);

    public void Ok(string hop, string text) => Add(new CheckStep(hop, CheckVerdict.Ok, text, Spent));

    public void Warn(string hop, string text) => Add(new CheckStep(hop, CheckVerdict.Warning, text, Spent));

    public void Skip(string hop, string text) => Add(new CheckStep(hop, CheckVerdict.Skipped, text, Spent));

    public void Fail(string hop, CheckFault fault) => Stop(new CheckStep(hop, CheckVerdict.Failed, fault.Text, Spent, HasFlexNetClients ? fault : fault with { Client = null }));

    /// <summary>The first hop begins now.</summary>
    public void Begin() => _since = TimeProvider.System.GetTimestamp();

    /// <summary>Tells all steps until now, and each later one as soon as it is known: a hop may take ten seconds, and people want to see it.</summary>
    public void TellTo(Action<CheckStep> told)
    {
        lock (_steps)
        {
            foreach (var step in _steps) told(step);
            _told = told;
        }
    }

    /// <summary>None of the other ways leads there: the first failure was one.</summary>
    public void GiveUp()
    {
        if (_last is not null) Add(_last);
    }

    /// <summary>
    /// Trails for so many ways that are walked at once, any of which will do: those that are silent cost together what one of them does. What is seen on one waits for its turn
    /// (<see cref="Tell"/>); a single way is walked on this trail itself.
    /// </summary>
    public IReadOnlyList<CheckTrail> Lanes(int count) => count == 1 ? [this] : [.. Enumerable.Range(0, count).Select(_ => new CheckTrail(Name) { HasOtherWays = true, HasFlexNetClients = HasFlexNetClients })];

    /// <summary>A lane's turn: its steps are this trail's.</summary>
    public void Tell(CheckTrail lane)
    {
        if (lane != this) lane.TellTo(Add);
    }

    /// <summary>None of the lanes leads there: what stopped the first of them is the finding, which is returned.</summary>
    public CheckFault? NoneLeads(IReadOnlyList<CheckTrail> lanes)
    {
        var first = lanes.Select(l => l.Obstacle).FirstOrDefault(o => o is not null);
        if (first is not null && lanes[0] != this) Stop(first);
        return first?.Fault;
    }

    /// <summary>Looks a name up as every program of this machine does: hosts file, then DNS. Null when it has no address, and why.</summary>
    public static async Task<(IReadOnlyList<IPAddress>? Addresses, string Why)> ResolveAsync(string host, CancellationToken stop)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(CheckLimits.Resolve);
            // The system's resolver cannot be cancelled once it has begun: then it is left to itself.
            var addresses = await Dns.GetHostAddressesAsync(host, CancellationToken.None).WaitAsync(limit.Token);
            return addresses.Length > 0 ? (addresses, "") : (null, $"{host} has no address");
        }
        catch (System.Net.Sockets.SocketException e)
        {
            return (null, $"{host} does not resolve on this machine: {e.Message}");
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return (null, $"{host} does not resolve on this machine: no answer within {CheckLimits.Resolve.TotalSeconds:0} s");
        }
    }

    private TimeSpan Spent => TimeProvider.System.GetElapsedTime(_since);

    private void Stop(CheckStep step)
    {
        if (HasOtherWays) _last ??= step;
        Add(HasOtherWays ? step with { Verdict = CheckVerdict.Warning } : step);
    }

    private void Add(CheckStep step)
    {
        lock (_steps)
        {
            _steps.Add(step);
            _told?.Invoke(step);
        }

        _since = TimeProvider.System.GetTimestamp();
    }
}

/// <summary>How long a check waits for what: less than a person, and in all less than 15 s for any one fault, however many addresses or servers have it.</summary>
internal static class CheckLimits
{
    public static readonly TimeSpan Resolve = TimeSpan.FromSeconds(6);

    /// <summary>Of a TCP connection: three tries of the system's (at 0, 1 and 3 s).</summary>
    public static readonly TimeSpan Connect = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan Handshake = TimeSpan.FromSeconds(5);

    /// <summary>Of a junction's greeting at one of so many addresses, which are greeted one after the other.</summary>
    public static TimeSpan Greet(int addresses) => TimeSpan.FromSeconds(Math.Max(1, Handshake.TotalSeconds / addresses));

    /// <summary>Of a far junction's answer, which for a check waits 5 s for a target that is silent; there may be two of them.</summary>
    public static readonly TimeSpan FarDial = TimeSpan.FromSeconds(11);

    /// <summary>Of an answer from a server that has accepted.</summary>
    public static readonly TimeSpan Answer = TimeSpan.FromSeconds(4);

    /// <summary>… and after we have said that nothing more will come, at which servers of other protocols find words.</summary>
    public static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    /// <summary>Of a vendor daemon, which may well be silent until it is asked for a license.</summary>
    public static readonly TimeSpan Greeting = TimeSpan.FromSeconds(2);

    /// <summary>So many servers are asked at once: the daemons of a file may be many, and their server is one.</summary>
    public const int AtOnce = 8;

    /// <summary>Of the vendor's own program.</summary>
    public static readonly TimeSpan Program = TimeSpan.FromSeconds(10);
}
