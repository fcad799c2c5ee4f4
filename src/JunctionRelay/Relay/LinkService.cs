using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Keeps the links of a junction: dials those of the plan, takes those that peers dial, and when the junction stops tells the peers first, so that
/// they open no more streams, and closes the sessions last.
/// </summary>
internal sealed class LinkService : IHostedLifecycleService, IAsyncDisposable
{
    /// <summary>Handshakes of strangers at once: about a millisecond of processor time each.</summary>
    private const int MostHandshakes = 256;

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly LinksPlan? _plan;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConnectionLimits _handshakes = new(MostHandshakes, perClient: null);
    private readonly List<SocketListener> _listeners = [];
    private readonly List<Task> _running = [];

    /// <param name="plan">Null where the junction has no links: then this does nothing.</param>
    public LinkService(LinksPlan? plan, ILogger<LinkService> log) => (_plan, _log) = (plan, log);

    /// <summary>The streams that peers open; the relay service accepts them.</summary>
    public LinkListener Streams { get; } = new("peers");

    /// <summary>Where we are dialled, also where the plan asked for port 0.</summary>
    public IEnumerable<EndPoint> Addresses => _listeners.Select(l => l.EndPoint);

    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_plan is null) return Task.CompletedTask;
        foreach (var address in _plan.Listen)
        {
            try
            {
                _listeners.Add(SocketListener.Bind(address, SocketSettings.Default));
            }
            catch (SocketException e)
            {
                throw new ListenException("linkListen", address, e);
            }

            _log.LinkListening(SocketDialer.Text(_listeners[^1].EndPoint));
        }

        foreach (var listener in _listeners) _running.Add(AcceptAsync(_plan, listener));
        foreach (var link in _plan.Dial)
        {
            var dialler = new LinkDialer(
                link.Name, link.Peer, _plan.Options with { Resume = link.Resume }, _plan.Directory, Streams, link.Connector.ConnectAsync);
            _running.Add(dialler.RunAsync(_stop.Token));
        }

        return Task.CompletedTask;
    }

    /// <summary>Before anything stops: peers open no more streams towards us, and nobody new dials in. Lost links are still resumed.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        foreach (var (_, session) in _plan?.Directory.All() ?? []) session.Drain();
        return Task.CompletedTask;
    }

    /// <summary>After the relays have drained.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var listener in _listeners) await listener.DisposeAsync();
        await _stop.CancelAsync();
        await Task.WhenAll((_plan?.Directory.All() ?? []).Select(s => s.Session.CloseAsync(CloseReason.Stopping, "the junction stops")));
        await Task.WhenAll(_running);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners) await listener.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AcceptAsync(LinksPlan plan, SocketListener listener)
    {
        while (true)
        {
            Connection? connection;
            try
            {
                connection = await listener.AcceptAsync();
            }
            catch (SocketException e)
            {
                _log.LinkAcceptFailed(SocketDialer.Text(listener.EndPoint), e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), plan.Options.Time);
                continue;
            }

            if (connection is null) return;
            if (_handshakes.Take(client: null) is not null)
            {
                connection.Abort(CloseReason.TooManyConnections);
                await connection.DisposeAsync();
                continue;
            }

            _ = ServeAsync(plan, connection);
        }
    }

    // The connection's owner from accept to end; never throws.
    private async Task ServeAsync(LinksPlan plan, Connection transport)
    {
        try
        {
            var from = transport.RemoteEndPoint;
            DialOutcome secured;
            try
            {
                secured = await plan.Handshake!.RunAsync(transport, HandshakeTimeout, _stop.Token);
            }
            finally
            {
                _handshakes.Release(client: null);
            }

            if (secured.Connection is not { } connection)
            {
                transport.Abort(secured.Reason);
                await transport.DisposeAsync();
                if (secured.Reason != CloseReason.ClientLeft) _log.LinkRefusedStranger(from is null ? "-" : SocketDialer.Text(from), secured.Reason.Name(), secured.Detail);
                return;
            }

            var peer = connection.Peer!;
            var rules = plan.Peers.For(peer, from).ToList();
            var options = plan.Options with
            {
                MaxStreams = rules.Select(r => r.MaxStreams ?? plan.Options.MaxStreams).DefaultIfEmpty(0).Max(),
                Resume = rules.Select(r => r.Resume ?? plan.Options.Resume).DefaultIfEmpty(TimeSpan.Zero).Max(),
            };
            var refusal = rules.Count > 0 || plan.Dial.Any(d => d.Peer == peer.Name) ? null : $"no entry of peers is about \"{peer.Name}\"";
            await new LinkAcceptor(options, plan.Directory, Streams, refusal).RunAsync(connection);
        }
        catch (Exception e)
        {
            _log.LinkFault(e);
        }
    }
}
