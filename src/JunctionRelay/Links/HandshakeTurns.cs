using System.Runtime.InteropServices;

namespace JunctionRelay.Links;

/// <summary>
/// Who may shake hands now: so many at once, of one network no more than its share, the others in the order in which they came. So strangers at one address take nobody else's place, and
/// a site behind one address waits, and is not refused. Thread-safe.
/// </summary>
internal sealed class HandshakeTurns
{
    /// <summary>Handshakes at once: each is a millisecond of arithmetic that a stranger can ask for.</summary>
    public const int Most = 64;

    /// <summary>… of one network.</summary>
    public const int MostOfOne = Most / 4;

    /// <summary>Connections that have not finished their handshake: each costs a descriptor and little else.</summary>
    public const int MostGuests = 4096;

    /// <summary>… of one network: a cluster behind one address that starts all its nodes at once.</summary>
    public const int MostGuestsOfOne = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (int Guests, int Running)> _networks = [];   // under _lock
    private readonly LinkedList<(string Network, TaskCompletionSource Turn)> _waiting = [];   // under _lock
    private int _guests;   // under _lock
    private int _running;   // under _lock

    /// <summary>All turns are taken, whoever asks.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
                return _running >= Most;
        }
    }

    /// <summary>A connection has come. False where there are too many of them; else <see cref="Leave"/> follows.</summary>
    public bool TryEnter(string network)
    {
        lock (_lock)
        {
            if (_guests >= MostGuests || _networks.GetValueOrDefault(network).Guests >= MostGuestsOfOne)
                return false;
            _guests++;
            Of(network).Guests++;
            return true;
        }
    }

    /// <summary>It has gone, or is let in.</summary>
    public void Leave(string network)
    {
        lock (_lock)
        {
            _guests--;
            if (--Of(network).Guests == 0)
                _networks.Remove(network);
        }
    }

    /// <summary>Completes when it is the turn of one that has entered; then <see cref="Give"/> follows. Cancelled, it has none.</summary>
    public async Task TakeAsync(string network, CancellationToken cancellationToken)
    {
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (IsFree(network))
            {
                Begin(network);
                return;
            }

            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.AddLast((network, turn));
        }

        await using var giveUp = cancellationToken.Register(() => turn.TrySetCanceled(cancellationToken));
        await turn.Task;
    }

    /// <summary>The handshake is over.</summary>
    public void Give(string network)
    {
        lock (_lock)
        {
            _running--;
            Of(network).Running--;
            for (var next = _waiting.First; next is not null && _running < Most;)
            {
                var (one, following) = (next, next.Next);
                next = following;
                if (!one.Value.Turn.Task.IsCanceled && !IsFree(one.Value.Network))
                    continue;
                _waiting.Remove(one);
                if (one.Value.Turn.TrySetResult())
                    Begin(one.Value.Network);
            }
        }
    }

    private bool IsFree(string network) => _running < Most && _networks.GetValueOrDefault(network).Running < MostOfOne;

    private void Begin(string network)
    {
        _running++;
        Of(network).Running++;
    }

    private ref (int Guests, int Running) Of(string network) => ref CollectionsMarshal.GetValueRefOrAddDefault(_networks, network, out _);
}
