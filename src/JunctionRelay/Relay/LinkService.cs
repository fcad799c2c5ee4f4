using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Keeps the links of a junction: dials those of the plan, takes those that peers dial, and when the junction stops tells the peers first, so that
/// they open no more streams, and closes the sessions last.
/// </summary>
internal sealed class LinkService : IHostedLifecycleService, IAsyncDisposable
{
    private readonly LinksPlan? _plan;
    private readonly ILogger _log;
    private readonly LinkMetrics? _metrics;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<LinkPort> _ports = [];
    private readonly List<LinkDialer> _diallers = [];
    private readonly List<Task> _running = [];

    /// <param name="plan">Null where the junction has no links: then this does nothing.</param>
    public LinkService(LinksPlan? plan, ILogger<LinkService> log)
    {
        (_plan, _log) = (plan, log);
        if (plan is not null) _metrics = new LinkMetrics(RelayMetrics.MeterName, () => LinkReadings.Of(plan));
    }

    /// <summary>Sockets that listen already, for addresses of the plan.</summary>
    public InheritedSockets? Inherited { get; init; }

    /// <summary>The streams that peers open; the relay service accepts them.</summary>
    public LinkListener Streams { get; } = new("peers");

    /// <summary>Where we are dialled, also where the plan asked for port 0.</summary>
    public IEnumerable<EndPoint> Addresses => _ports.Select(p => p.EndPoint);

    /// <summary>Completes when a link that we dial has been up, or could not be had at any of its addresses.</summary>
    public Task FirstTryOf(string link) => _diallers.Find(d => d.Link == link)?.Tried ?? Task.CompletedTask;

    /// <summary>Why a link that we dial could not be connected the last time; null when it could.</summary>
    public string? LastFailureOf(string link) => _diallers.Find(d => d.Link == link)?.LastFailure;

    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_plan is null) return Task.CompletedTask;
        foreach (var address in _plan.Listen)
        {
            var port = new LinkPort(
                Bind(address), _plan.Handshake!, (peer, from) => AcceptorFor(_plan, Streams, peer, from), _plan.Options.Log, _plan.Options.Time);
            _ports.Add(port);
            _log.LinkListening(SocketDialer.Text(port.EndPoint));
        }

        foreach (var port in _ports) _running.Add(port.RunAsync());
        _running.Add(new LinkRotation(_plan.Directory, _plan.Credentials, _plan.Options).RunAsync(_stop.Token));
        foreach (var link in _plan.Dial)
        {
            var dialler = new LinkDialer(
                link.Name, link.Peer, _plan.Options with { Resume = link.Resume, PingInterval = link.Ping }, _plan.Directory, Streams, link.Connectors);
            _diallers.Add(dialler);
            _running.Add(dialler.RunAsync(_stop.Token));
        }

        return Task.CompletedTask;
    }

    /// <summary>Before anything stops: peers open no more streams towards us, and nobody new dials in. Lost links are still resumed.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _plan?.Directory.Drain();
        return Task.CompletedTask;
    }

    /// <summary>After the relays have drained.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var port in _ports) await port.DisposeAsync();
        await _stop.CancelAsync();
        await Task.WhenAll((_plan?.Directory.All() ?? []).Select(s => s.Session.CloseAsync(CloseReason.Stopping, "the junction stops")));
        await Task.WhenAll(_running);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var port in _ports) await port.DisposeAsync();
        _stop.Dispose();
        _metrics?.Dispose();
    }

    private SocketListener Bind(IPEndPoint address)
    {
        try
        {
            return SocketListener.Bind(address, SocketSettings.Default, inherited: Inherited);
        }
        catch (SocketException e)
        {
            throw new ListenException("linkListen", address, e);
        }
    }

    private static LinkAcceptor AcceptorFor(LinksPlan plan, LinkListener streams, PeerIdentity peer, EndPoint? from)
    {
        var rules = plan.Peers.For(peer, from).ToList();
        var options = plan.Options with
        {
            MaxStreams = rules.Select(r => r.MaxStreams ?? plan.Options.MaxStreams).DefaultIfEmpty(0).Max(),
            Resume = rules.Select(r => r.Resume ?? plan.Options.Resume).DefaultIfEmpty(TimeSpan.Zero).Max(),
            PingInterval = rules.Select(r => r.Ping ?? plan.Options.PingInterval).DefaultIfEmpty(plan.Options.PingInterval).Min(),
        };
        return new LinkAcceptor(options, plan.Directory, streams, rules.Count > 0 ? null : $"no entry of peers is about \"{peer.Name}\"");
    }
}
