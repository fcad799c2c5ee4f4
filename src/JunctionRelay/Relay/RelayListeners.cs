using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>
/// The bound addresses of all relays, with their accept loops. A new plan is prepared first, which binds what is new and touches nothing else, and then
/// put in force as a whole: an address that both plans have stays bound, and no client of it notices.
/// </summary>
/// <param name="loop">Makes the accept loop of a listener.</param>
/// <param name="inherited">Sockets that listen already.</param>
/// <param name="yielding">Listeners that make room for those of a plan.</param>
internal sealed class RelayListeners(
    Func<ConnectionListener, RelayPlan, ListenPlan, AcceptLoop> loop, Func<InheritedSockets?> inherited, Func<IEnumerable<ConnectionListener>> yielding) : IAsyncDisposable
{
    private volatile IReadOnlyList<AcceptLoop> _loops = [];
    private readonly List<Task> _accepting = [];   // by whoever changes plans, one at a time

    /// <summary>Those that accept.</summary>
    public IReadOnlyList<AcceptLoop> Loops => _loops;

    /// <summary>A change that was prepared. Disposed without being committed, it leaves everything as it was.</summary>
    public sealed class Change : IAsyncDisposable
    {
        /// <summary>What is bound already, and the plan that it will serve.</summary>
        public List<(AcceptLoop Loop, RelayPlan Relay, ListenPlan Listen)> Kept { get; } = [];

        public List<(ConnectionListener Listener, RelayPlan Relay, ListenPlan Listen)> Bound { get; } = [];

        /// <summary>What no relay of the new plan has.</summary>
        public required List<AcceptLoop> Leaving { get; init; }

        public async ValueTask DisposeAsync()
        {
            foreach (var (listener, _, _) in Bound) await listener.DisposeAsync();
        }
    }

    /// <summary>Finds what stays, and binds what is new.</summary>
    /// <exception cref="ListenException">An address is taken, not ours, or not permitted; nothing has changed.</exception>
    public async Task<Change> PrepareAsync(IReadOnlyList<RelayPlan> relays)
    {
        var change = new Change { Leaving = [.. _loops] };
        var missing = relays.SelectMany(r => r.Listen.Select(l => (Relay: r, Listen: l))).ToList();
        missing.RemoveAll(m => Keep(m.Relay, m.Listen, l => l.Relay.Name == m.Relay.Name));
        // A relay may get another name, and an address another relay; a port that the system chose belongs to its relay alone.
        missing.RemoveAll(m => m.Listen.EndPoint is not IPEndPoint { Port: 0 } && Keep(m.Relay, m.Listen, _ => true));
        try
        {
            foreach (var (relay, listen) in missing) change.Bound.Add((Bind(relay, listen, change.Leaving), relay, listen));
            return change;
        }
        catch
        {
            await change.DisposeAsync();
            throw;
        }

        bool Keep(RelayPlan relay, ListenPlan listen, Func<AcceptLoop, bool> of)
        {
            if (change.Leaving.Find(l => l.Listen.EndPoint.Equals(listen.EndPoint) && l.Listen.V6Only == listen.V6Only && of(l)) is not { } found) return false;
            change.Leaving.Remove(found);
            change.Kept.Add((found, relay, listen));
            return true;
        }
    }

    /// <summary>Puts a change in force. The listeners that leave close; their connections go on. Returns those that are new.</summary>
    public async Task<IReadOnlyList<AcceptLoop>> CommitAsync(Change change)
    {
        foreach (var (kept, relay, listen) in change.Kept)
        {
            kept.Serve(relay, listen);
            if (kept.Listener is SocketListener socket) socket.Apply(relay.Socket);
        }

        var added = change.Bound.ConvertAll(b => loop(b.Listener, b.Relay, b.Listen));
        change.Bound.Clear();
        _loops = [.. change.Kept.Select(k => k.Loop), .. added];
        _accepting.RemoveAll(a => a.IsCompleted);
        foreach (var accepting in added) _accepting.Add(accepting.RunAsync());
        foreach (var leaving in change.Leaving) await leaving.Listener.DisposeAsync();
        return added;
    }

    /// <summary>Closes all; a client that was taken at the last moment has become a connection when this returns.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var accepting in _loops) await accepting.Listener.DisposeAsync();
        await Task.WhenAll(_accepting);
    }

    private ConnectionListener Bind(RelayPlan relay, ListenPlan listen, List<AcceptLoop> leaving)
    {
        if (listen.Open is { } open) return open();
        try
        {
            return SocketListener.Bind(listen.EndPoint, relay.Socket, listen.V6Only, inherited(), leaving.Select(l => l.Listener).Concat(yielding()));
        }
        catch (SocketException e)
        {
            throw new ListenException($"relays.{relay.Name}.listen", listen.EndPoint, e);
        }
    }
}
