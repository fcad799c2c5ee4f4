using System.Net;

namespace JunctionRelay.App.Demo;

/// <summary>Who holds a seat, or asked for one.</summary>
/// <param name="Seat">Number of the checkout, never used twice; 0 for who was denied.</param>
/// <param name="Peer">The address that the daemon sees: the relay's, where there is one.</param>
internal sealed record SeatHolder(long Seat, string User, string Host, string ProcessId, EndPoint? Peer);

/// <summary>What happened to a seat.</summary>
internal enum SeatChangeKind
{
    Granted,
    Denied,
    Freed,
}

/// <summary>One change, with the counts right after it.</summary>
/// <param name="End">Only when freed: how the holder's connection ended.</param>
internal readonly record struct SeatChange(SeatChangeKind Kind, SeatHolder Holder, ConversationEnd? End, SeatCounts Counts);

/// <summary>A moment's figures. At every moment <c>Checkouts == Held + Freed</c>.</summary>
/// <param name="Seats">How many there are.</param>
/// <param name="Held">How many are taken now.</param>
/// <param name="Checkouts">How many were ever granted.</param>
/// <param name="Denied">How many clients were turned away because all were taken.</param>
internal readonly record struct SeatCounts(
    int Seats, int Held, long Checkouts, long Denied, long FreedByFin, long FreedByReset, long FreedBySilence, long FreedByGarbage, long FreedByServer)
{
    /// <summary>How many came back, in whatever way.</summary>
    public long Freed => FreedByFin + FreedByReset + FreedBySilence + FreedByGarbage + FreedByServer;
}

/// <summary>A fixed number of seats and who holds them: the oracle, so it is small, exact and waits without sleeping. Safe for any thread.</summary>
/// <param name="changed">Called for every change, in order and under the ledger's lock: it must be quick and must not call back.</param>
internal sealed class SeatLedger(int seats, Action<SeatChange>? changed = null)
{
    // Guards everything below.
    private readonly Lock _lock = new();
    private readonly Dictionary<long, SeatHolder> _held = [];
    private readonly List<Waiter> _waiters = [];
    private SeatCounts _counts = new() { Seats = seats };

    public SeatCounts Counts
    {
        get
        {
            lock (_lock)
                return _counts;
        }
    }

    /// <summary>Everybody who holds a seat now.</summary>
    public IReadOnlyList<SeatHolder> Holders()
    {
        lock (_lock)
            return [.. _held.Values];
    }

    /// <summary>How many seats a user holds from a host.</summary>
    public int HeldBy(string user, string host) => Holders().Count(h => h.User == user && h.Host == host);

    /// <summary>Gives a seat to whoever said <paramref name="hello"/>; null when all are taken.</summary>
    public SeatHolder? Take(WireHello hello, EndPoint? peer)
    {
        lock (_lock)
        {
            var granted = _counts.Held < seats;
            var holder = new SeatHolder(granted ? _counts.Checkouts + 1 : 0, hello.User, hello.Host, hello.ProcessId, peer);
            if (granted)
                _held.Add(holder.Seat, holder);
            Apply(
                granted ? SeatChangeKind.Granted : SeatChangeKind.Denied, holder, null,
                granted
                    ? _counts with { Held = _counts.Held + 1, Checkouts = _counts.Checkouts + 1 }
                    : _counts with { Denied = _counts.Denied + 1 });
            return granted ? holder : null;
        }
    }

    /// <summary>Takes a seat back; once for each <see cref="Take"/>.</summary>
    public void Free(SeatHolder holder, ConversationEnd end)
    {
        lock (_lock)
        {
            if (!_held.Remove(holder.Seat))
                throw new InvalidOperationException($"Seat {holder.Seat} of {holder.User}@{holder.Host} is not held.");
            var counts = _counts with { Held = _counts.Held - 1 };
            counts = end switch
            {
                ConversationEnd.Fin => counts with { FreedByFin = counts.FreedByFin + 1 },
                ConversationEnd.Reset => counts with { FreedByReset = counts.FreedByReset + 1 },
                ConversationEnd.Silent => counts with { FreedBySilence = counts.FreedBySilence + 1 },
                ConversationEnd.Garbled => counts with { FreedByGarbage = counts.FreedByGarbage + 1 },
                _ => counts with { FreedByServer = counts.FreedByServer + 1 },
            };
            Apply(SeatChangeKind.Freed, holder, end, counts);
        }
    }

    /// <summary>Waits until exactly <paramref name="held"/> seats are held; false when that did not come within <paramref name="deadline"/>.</summary>
    public Task<bool> WaitForSeatsAsync(int held, TimeSpan deadline) => WaitAsync(c => c.Held == held, deadline);

    /// <summary>Waits until the counts fit, even if only for a moment; false when they did not within <paramref name="deadline"/>.</summary>
    public async Task<bool> WaitAsync(Func<SeatCounts, bool> condition, TimeSpan deadline)
    {
        var waiter = new Waiter(condition);
        lock (_lock)
        {
            if (condition(_counts))
                return true;
            _waiters.Add(waiter);
        }

        try
        {
            await waiter.Met.Task.WaitAsync(deadline);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            lock (_lock)
                _waiters.Remove(waiter);
        }
    }

    private void Apply(SeatChangeKind kind, SeatHolder holder, ConversationEnd? end, SeatCounts counts)
    {
        _counts = counts;
        changed?.Invoke(new SeatChange(kind, holder, end, counts));
        foreach (var waiter in _waiters)
        {
            if (waiter.Condition(counts))
                waiter.Met.TrySetResult();
        }
    }

    private sealed record Waiter(Func<SeatCounts, bool> Condition)
    {
        // Continuations must not run under our lock.
        public TaskCompletionSource Met { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
