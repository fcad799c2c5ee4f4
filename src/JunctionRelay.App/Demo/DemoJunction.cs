using System.Net;
using System.Threading.Channels;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Demo;

/// <summary>What a junction logged when a relayed connection ended.</summary>
/// <param name="Relay">The relay, or <c>service/NAME</c> of a peer's stream.</param>
/// <param name="Peer">The name that the peer's certificate proved, or <c>-</c>.</param>
/// <param name="Detail">For people, beside the reason; may be empty.</param>
internal sealed record RelayedEnd(string Relay, string Peer, long ToTarget, long ToClient, string Reason, string Detail);

/// <summary>What one junction of the demonstration does; what <c>junction run</c> reads from a file.</summary>
/// <param name="Name">Its own, which its certificate bears.</param>
/// <param name="Peer">The only other junction that it knows.</param>
internal sealed record DemoSite(string Name, string Peer, DemoAuthority Authority)
{
    /// <summary>Where it listens for clients, and for which service of the peer.</summary>
    public IReadOnlyList<(string Relay, IPEndPoint Listen)> Relays { get; init; } = [];

    /// <summary>What it can reach for the peer.</summary>
    public IReadOnlyList<(string Service, IPEndPoint Target)> Services { get; init; } = [];

    /// <summary>Where the peer may dial in; null = nowhere.</summary>
    public IPEndPoint? LinkListen { get; init; }

    /// <summary>Where it dials the peer; null = not at all.</summary>
    public IPEndPoint? Dial { get; init; }
}

/// <summary>One junction of the demonstration: the engine that <c>junction run</c> runs, with a plan made by hand instead of from a file.</summary>
internal sealed class DemoJunction : IAsyncDisposable
{
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(5);

    private readonly DemoSite _site;
    private readonly LinkDirectory _directory = new();
    private readonly LinkService _links;
    private readonly RelayService _relays;
    private readonly DemoLog _log = new();
    private CuttableConnector? _wan;

    private DemoJunction(DemoSite site)
    {
        _site = site;
        var plan = LinksPlan();
        _links = new LinkService(plan, _log);
        _relays = new RelayService([.. site.Relays.Select(Relay)], TimeSpan.Zero, _log, TimeProvider.System, (Streams(plan), _links.Streams));
    }

    /// <summary>Starts a junction.</summary>
    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    public static async Task<DemoJunction> StartAsync(DemoSite site)
    {
        var junction = new DemoJunction(site);
        try
        {
            await junction._links.StartAsync(CancellationToken.None);
            await junction._relays.StartAsync(CancellationToken.None);
            return junction;
        }
        catch
        {
            await junction.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where a relay listens, with the real port.</summary>
    public IPEndPoint AddressOf(string relay) => (IPEndPoint)_relays.Addresses.First(a => a.Relay == relay).Address;

    /// <summary>Where the peer dials in, with the real port.</summary>
    public IPEndPoint LinkAddress => (IPEndPoint)_links.Addresses.First();

    /// <summary>How often the link went on over a new connection.</summary>
    public int Resumes => _directory.All().Sum(s => s.Session.Resumes);

    /// <summary>The last thing that this junction had to complain about; empty when there was nothing.</summary>
    public string Complaint => _log.Complaint;

    /// <summary>Waits until the link carries streams, or does not; false when <paramref name="limit"/> has passed first.</summary>
    public Task<bool> LinkIsAsync(bool up, TimeSpan limit) => HoldsAsync(() => _directory.Find(_site.Peer).Any(s => s.IsUp) == up, limit);

    /// <summary>Resets the TCP connection under the link that this junction dialled, and keeps it from dialling again.</summary>
    public void CutLink() => _wan!.Cut();

    /// <summary>Lets it dial again.</summary>
    public void MendLink() => _wan!.Mend();

    /// <summary>
    /// Connections of a relay that live now, once they are <paramref name="expected"/> or <paramref name="limit"/> has passed: a connection
    /// leaves the table a moment after its end was seen.
    /// </summary>
    public async Task<int> LiveAsync(string relay, int expected, TimeSpan limit)
    {
        int Live() => _relays.Connections.Connections.Count(c => c.Relay == relay);
        await HoldsAsync(() => Live() == expected, limit);
        return Live();
    }

    /// <summary>The next connection that this junction says has ended; null when it says nothing for <paramref name="limit"/>.</summary>
    public async Task<RelayedEnd?> NextEndAsync(TimeSpan limit)
    {
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            return await _log.Ends.ReadAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _wan?.Mend();
        await _links.StoppingAsync(CancellationToken.None);
        await _relays.StopAsync(CancellationToken.None);
        await _links.StopAsync(CancellationToken.None);
        await _relays.DisposeAsync();
        await _links.DisposeAsync();
    }

    private LinksPlan LinksPlan()
    {
        var tls = new TlsSettings(_site.Authority.Issue(_site.Name), _site.Authority.Trust);
        return new LinksPlan
        {
            Options = new LinkOptions { Self = new LinkParty(_site.Name, Guid.NewGuid(), 1), Log = _log },
            Directory = _directory,
            Credentials = tls.Credentials,
            Dial = _site.Dial is { } dial ? [new DialledLink(_site.Peer, _site.Peer, () => _wan = new CuttableConnector(Connector(dial, tls)), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5))] : [],
            Listen = _site.LinkListen is { } listen ? [listen] : [],
            Handshake = TlsHandshake.Serving(LinkConnector.ForLinks(tls)),
            Peers = new PeerRules([new PeerRule(_site.Peer, new NamePatterns([.. _site.Services.Select(s => s.Service)]), From: null, MaxStreams: null, Resume: null, Ping: null)]),
            Services = new ServiceTable(_site.Services.ToDictionary(s => s.Service, s => To(new TcpTarget(s.Target, Dialer, StepLimit)))),
        };
    }

    private static SocketDialer Dialer => new(SocketSettings.Default);

    private LinkConnector Connector(IPEndPoint address, TlsSettings tls) => new([address], _site.Peer, tls, Dialer, _ => null);

    private RelayPlan Relay((string Name, IPEndPoint Listen) relay) => Plan(
        relay.Name, [new ListenPlan(relay.Listen)], new ClientAuthorization(allowNames: null),
        new ServiceTable(To(new LinkTarget(_site.Peer, _site.Peer, relay.Name, _site.Name, _directory, TimeProvider.System, StepLimit))));

    private static RelayPlan Streams(LinksPlan plan) => Plan("peers", [], plan.Peers, plan.Services);

    // The limits of a default configuration, or shorter ones where nobody should wait.
    private static RelayPlan Plan(string name, IReadOnlyList<ListenPlan> listen, IAuthorization authorization, ServiceTable services) => new()
    {
        Name = name,
        Listen = listen,
        Socket = SocketSettings.Default,
        Admission = new Admission(allow: null, new ConnectionLimits(inAll: null, perClient: null)),
        Authorization = authorization,
        Services = services,
        Limits = new RelayLimits(StepLimit, HalfClosed: TimeSpan.FromSeconds(60), Idle: null, Lifetime: null),
        HealthInterval = TimeSpan.Zero,
    };

    private static TargetList To(ITarget target) => new([new TargetHealth(target, probed: false)], Balance.Failover, TimeSpan.Zero, TimeProvider.System);

    private static async Task<bool> HoldsAsync(Func<bool> condition, TimeSpan limit)
    {
        for (var started = TimeProvider.System.GetTimestamp(); !condition(); await Task.Delay(1))
        {
            if (TimeProvider.System.GetElapsedTime(started) >= limit) return false;
        }

        return true;
    }

    /// <summary>Keeps the one line per connection that the engine logs at its end, and the last warning.</summary>
    private sealed class DemoLog : ILogger<RelayService>, ILogger<LinkService>
    {
        private readonly Channel<RelayedEnd> _ends = Channel.CreateUnbounded<RelayedEnd>();
        private volatile string _complaint = "";

        public ChannelReader<RelayedEnd> Ends => _ends.Reader;

        public string Complaint => _complaint;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning) _complaint = formatter(state, exception);
            if (eventId.Name != "connection-ended" || state is not IReadOnlyList<KeyValuePair<string, object?>> fields) return;
            object? Field(string name) => fields.First(f => f.Key == name).Value;
            _ends.Writer.TryWrite(new RelayedEnd(
                (string)Field("relay")!, (string)Field("peer")!, (long)Field("toTarget")!, (long)Field("toClient")!, (string)Field("reason")!,
                (string)Field("detail")!));
        }
    }
}
