using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Listens for peers who ask for it and may (<c>peers.*.listen</c>), and sends what connects there to the very process that asked. A listener lives as long as the
/// stream by which it was asked for; that of a process which is gone without a word is handed to its successor at once.
/// </summary>
internal sealed class PeerListeners(
    Func<(LinksPlan Links, RelayPlan Peers)?> plan, LinkListener streams, ConnectionTable table, RelayMetrics metrics, ILogger<PeerListeners> log, TimeProvider time) : IHostedService, IDisposable
{
    /// <summary>How many listeners one name may have at once; <c>peers</c> says which, and a range there may be wide.</summary>
    public const int MostPerPeer = 1024;

    /// <summary>How long a peer that holds an address may take to show that it is alive, when another process of its name wants it.</summary>
    private static readonly TimeSpan AliveWithin = TimeSpan.FromSeconds(1);

    private readonly RefusalLog _refusals = new(log, time);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<PeerListener> _served = [];   // under _gate

    public Task StartAsync(CancellationToken cancellationToken)
    {
        streams.Requests = Take;
        return Task.CompletedTask;
    }

    /// <summary>Closes all listeners; what they have accepted drains with everything else.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        streams.Requests = null;
        await _stop.CancelAsync();
        foreach (var served in All()) await served.StopAsync(CloseReason.Stopping, "the junction stops");
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>Another plan is in force: a listener on an address that it does not permit any more is closed, and whoever asked for it is told. What it has accepted goes on.</summary>
    public void Review()
    {
        foreach (var served in All())
        {
            if (!IsPermittedStill(served)) _ = served.StopAsync(CloseReason.NotPermitted, $"no entry of peers.*.listen lets \"{served.Peer}\" have us listen on {served.Stream.Open.Listen} any more");
        }
    }

    private List<PeerListener> All()
    {
        lock (_gate) return [.. _served];
    }

    // On the thread that reads the link: nothing here waits.
    private void Take(LinkStream stream)
    {
        var served = new PeerListener(stream.Peer?.Name ?? "", stream);
        lock (_gate)
        {
            if (_served.Count(s => s.Peer == served.Peer) < MostPerPeer)
            {
                _served.Add(served);
                served.Serving = ServeAsync(served);
                return;
            }
        }

        stream.Abort(CloseReason.ListenFailed, $"more than {MostPerPeer} listeners for one peer");
    }

    private async Task ServeAsync(PeerListener served)
    {
        await Task.Yield();
        var (peer, stream, asked) = (served.Peer, served.Stream, served.Stream.Open.Listen!);
        try
        {
            if (Permitted(stream, asked, out var wish, out var rules) is { } objection)
            {
                metrics.Denied("listen", "peers");
                log.PeerListenRefused(peer, asked, CloseReason.NotPermitted.Name(), objection);
                stream.Abort(CloseReason.NotPermitted, objection);
                return;
            }

            if (await BindAsync(served, wish, rules) is { } failure)
            {
                log.PeerListenRefused(peer, asked, CloseReason.ListenFailed.Name(), failure);
                stream.Abort(CloseReason.ListenFailed, failure);
                return;
            }

            // Where the plan was replaced while the sockets were being bound.
            if (IsPermittedStill(served)) await ListenAsync(served);
            else stream.Abort(CloseReason.NotPermitted, "it is not permitted any more");
        }
        catch (ConnectionBrokenException)
        {
            // Whoever asked is gone, or wants no more.
        }
        catch (Exception e)
        {
            log.PeerListenFault(e, peer, asked);
        }
        finally
        {
            await served.CloseAsync();
            lock (_gate) _served.Remove(served);
            await stream.DisposeAsync();
        }
    }

    private bool IsPermittedStill(PeerListener served)
    {
        var rules = Rules(served.Stream);
        return served.Sockets.All(s => rules.Exists(r => r.Permits(s.EndPoint)));
    }

    private List<ListenRule> Rules(LinkStream stream) =>
        plan() is { } now && stream.Peer is { } peer ? [.. now.Links.Peers.For(peer, stream.RemoteEndPoint).SelectMany(r => r.Listen)] : [];

    // What is wrong with the wish, or null; then what of it this peer may have, and by which rules.
    private string? Permitted(LinkStream stream, string asked, out ListenWish wish, out List<ListenRule> rules)
    {
        rules = Rules(stream);
        wish = new ListenWish([], NeedsAll: true);
        if (ListenWish.Read(asked) is not { } read) return $"\"{asked}\" is no address to listen on";
        var entries = rules;
        wish = read with { EndPoints = [.. read.EndPoints.Where(e => entries.Any(r => r.Permits(e)))] };
        return wish.EndPoints.Count == 0 || read.NeedsAll && wish.EndPoints.Count < read.EndPoints.Count ? $"no entry of peers.*.listen lets \"{stream.Peer?.Name}\" have us listen on {asked}" : null;
    }

    // All sockets of the wish on one port, or none. Returns why not, or null.
    private async Task<string?> BindAsync(PeerListener served, ListenWish wish, List<ListenRule> rules)
    {
        string? failure = null;
        foreach (var port in wish.EndPoints[0] is IPEndPoint { Port: 0 } ? FreePorts(wish.EndPoints[0], rules) : [0])
        {
            failure = null;
            foreach (var endPoint in wish.EndPoints)
            {
                var at = endPoint is IPEndPoint ip && ip.Port == 0 ? new IPEndPoint(ip.Address, served.Sockets is [var first, ..] ? ((IPEndPoint)first.EndPoint).Port : port) : endPoint;
                if ((failure = await BindAsync(served, at, isOptional: !wish.NeedsAll && served.Sockets.Count > 0)) is not null) break;
            }

            if (failure is null && served.Sockets.Count > 0) return null;
            await served.ReleaseAsync();
        }

        return failure ?? "no port is free";
    }

    private async Task<string?> BindAsync(PeerListener served, EndPoint endPoint, bool isOptional)
    {
        for (var evicted = false; ; evicted = true)
        {
            try
            {
                return await served.TryAddAsync(SocketListener.Bind(endPoint, SocketSettings.Default, v6Only: true)) ? null : "it was ended meanwhile";
            }
            catch (SocketException e) when (isOptional && e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
            {
                // This machine has no IPv6.
                return null;
            }
            catch (SocketException e)
            {
                if (!evicted && e.SocketErrorCode == SocketError.AddressAlreadyInUse && await EvictAsync(served, endPoint)) continue;
                return $"cannot listen on {SocketDialer.Text(endPoint)}: {e.Message}";
            }
        }
    }

    // A process that is gone without a word leaves a listener behind, until its session has ended; its successor need not wait for that.
    private async Task<bool> EvictAsync(PeerListener successor, EndPoint endPoint)
    {
        if (All().Find(s => s != successor && s.Peer == successor.Peer && (s.Stream.Session != successor.Stream.Session || s.Stream.IsOver) && s.Sockets.Any(l => Overlaps(l.EndPoint, endPoint))) is not { } old) return false;
        if (!old.Stream.IsOver && await IsAliveAsync(old.Stream.Session)) return false;
        log.PeerListenTakenOver(successor.Peer, SocketDialer.Text(endPoint));
        await old.StopAsync(CloseReason.LinkPeerRestarted, "taken over by a later process of the same name");
        return true;
    }

    private static async Task<bool> IsAliveAsync(LinkSession session)
    {
        if (session.IsEnded || !session.IsUp) return false;
        using var limit = new CancellationTokenSource(AliveWithin);
        try
        {
            await session.PingAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static bool Overlaps(EndPoint one, EndPoint other) => (one, other) switch
    {
        (IPEndPoint a, IPEndPoint b) => a.Port == b.Port && a.AddressFamily == b.AddressFamily && (a.Address.Equals(b.Address) || IsAny(a.Address) || IsAny(b.Address)),
        _ => one.Equals(other),
    };

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    // Of the ports that the peer may have, a few at random; where it may have all, the system knows best.
    private static IEnumerable<int> FreePorts(EndPoint endPoint, List<ListenRule> rules)
    {
        const int MostTries = 64;
        var ranges = rules.FindAll(r => r.Permits(endPoint));
        if (ranges.Exists(r => r is { FirstPort: <= 1024, LastPort: ushort.MaxValue })) return Enumerable.Repeat(0, 16);
        return Enumerable.Range(0, MostTries).Select(_ => ranges[Random.Shared.Next(ranges.Count)]).Select(r => Random.Shared.Next(r.FirstPort, r.LastPort + 1));
    }

    private async Task ListenAsync(PeerListener served)
    {
        var (peer, stream) = (served.Peer, served.Stream);
        var addresses = string.Join(' ', served.Sockets.Select(l => SocketDialer.Text(l.EndPoint)));
        stream.Answer();
        await stream.Output.WriteAsync(System.Text.Encoding.ASCII.GetBytes(addresses + "\n"), _stop.Token);
        // Its first byte says that it expects connections; until then they wait in the queue.
        if (await EndsAsync(stream)) return;
        log.PeerListening(peer, addresses);
        var target = new SessionTarget($"link://{peer}/{stream.Open.Listen}", stream.Session, stream.Open.Service, plan()!.Value.Links.Options.Self.Name, stream.Open.IsCompressed);
        var relay = plan()!.Value.Peers with
        {
            Name = $"listen/{peer}",
            Admission = new Admission(null, new ConnectionLimits(null, null)),
            Authorization = new ClientAuthorization(null),
            Services = new ServiceTable(new TargetList([new TargetHealth(target, probed: false)], Balance.Failover, TimeSpan.Zero, time)),
        };
        var accepting = served.Sockets.Select(l => new AcceptLoop(l, relay, new ListenPlan(l.EndPoint), table, _refusals, metrics, log, time).RunAsync()).ToList();
        try
        {
            while (!await EndsAsync(stream))
            {
                // It says nothing more.
            }
        }
        finally
        {
            await served.CloseAsync();
            await Task.WhenAll(accepting);
            log.PeerListenEnded(peer, addresses);
        }
    }

    private async Task<bool> EndsAsync(LinkStream stream)
    {
        try
        {
            var read = await stream.Input.ReadAsync(_stop.Token);
            stream.Input.AdvanceTo(read.Buffer.End);
            return read.IsCompleted;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }
}
