using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>How the first target to try is chosen.</summary>
internal enum Balance
{
    /// <summary>In the order written: the first that is up.</summary>
    Failover,
    /// <summary>Each in turn.</summary>
    RoundRobin,
    /// <summary>The one with the fewest connections.</summary>
    LeastConnections,
}

/// <summary>A dialled target, or why there is none.</summary>
/// <param name="Outcome">The connection or the reason; the detail tells every attempt.</param>
/// <param name="Target">Who was dialled last.</param>
internal readonly record struct TargetDial(DialOutcome Outcome, TargetHealth? Target);

/// <summary>
/// Stage 7, Dial: chooses a target that is up, tries the next when it fails, and reports every attempt.
/// <paramref name="holdFor"/>: how long a connection may wait for a target to come up; zero = refuse at once.
/// </summary>
internal sealed class TargetList(IReadOnlyList<TargetHealth> targets, Balance balance, TimeSpan holdFor, TimeProvider time)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private int _turn = -1;

    public IReadOnlyList<TargetHealth> Targets => targets;

    /// <summary>Whether a client may name where it wants to go.</summary>
    public bool TakesDestination => targets.All(t => t.Target.TakesDestination);

    /// <summary>Whether a connection has any chance: false = refuse clients before they are accepted.</summary>
    public bool TakesConnections => holdFor > TimeSpan.Zero || targets.Any(t => t.IsUp);

    /// <summary>Whether a connection would get somewhere now.</summary>
    public bool HasPath => targets.Any(t => t.IsUp);

    /// <summary>Dials until one target answers, in all for one round, or for <c>holdFor</c> and the round that is under way then.</summary>
    public async ValueTask<TargetDial> DialAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var dial = await DialOnceAsync(request, cancellationToken);
        // What lies behind a target does not come up by waiting for the target.
        if (dial.Outcome.Connection is not null || dial.Outcome.IsBeyond || holdFor == TimeSpan.Zero) return dial;

        for (var pause = FirstPause; time.GetElapsedTime(start) < holdFor; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            await Task.Delay(pause, time, cancellationToken);
            dial = await DialOnceAsync(request, cancellationToken);
            if (dial.Outcome.Connection is not null || dial.Outcome.IsBeyond) return dial;
        }

        return dial with { Outcome = DialOutcome.Failed(CloseReason.NoTargetUp, $"nothing came up within {holdFor.TotalSeconds:0.###} s: {dial.Outcome.Detail}") };
    }

    private async ValueTask<TargetDial> DialOnceAsync(DialRequest request, CancellationToken cancellationToken)
    {
        var first = FirstToTry();
        TargetDial last = default;
        var details = "";
        List<TargetHealth>? later = null;
        for (var i = 0; i < targets.Count + (later?.Count ?? 0); i++)
        {
            var isLater = i >= targets.Count;
            var candidate = isLater ? later![i - targets.Count] : targets[(first + i) % targets.Count];
            // One that must be waited for comes after the others.
            if (candidate.IsUp && !isLater && targets.Count > 1 && !candidate.Target.IsReady)
            {
                (later ??= []).Add(candidate);
                continue;
            }

            if (!candidate.IsUp)
            {
                details = Join(details, candidate.Detail);
                continue;
            }

            DialOutcome outcome;
            candidate.DialStarted();
            try
            {
                outcome = await candidate.Target.DialAsync(request, cancellationToken);
            }
            finally
            {
                candidate.DialEnded();
            }

            if (!outcome.IsBeyond) candidate.Report(outcome.Connection is null ? outcome : null);
            if (outcome.Connection is not null) return new(outcome, candidate);
            candidate.DialFailed(outcome.Reason);
            details = Join(details, outcome.Detail);
            last = new(outcome with { Detail = details }, candidate);
            if (cancellationToken.IsCancellationRequested) break;
        }

        return last.Target is not null ? last : new(DialOutcome.Failed(CloseReason.NoTargetUp, details), null);
    }

    private int FirstToTry() => balance switch
    {
        Balance.RoundRobin => (int)((uint)Interlocked.Increment(ref _turn) % (uint)targets.Count),
        Balance.LeastConnections => Enumerable.Range(0, targets.Count).MinBy(i => targets[i].IsUp ? targets[i].Load : int.MaxValue),
        _ => 0,
    };

    private static string Join(string details, string more) => details.Length == 0 ? more : more.Length == 0 ? details : $"{details}; {more}";
}
