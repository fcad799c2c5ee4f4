using System.Net;
using System.Threading.Channels;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Demo;

/// <summary>What a junction logged when a relayed connection ended.</summary>
/// <param name="Peer">The name that the client's certificate proved, or <c>-</c>.</param>
/// <param name="Detail">For people, beside the reason; may be empty.</param>
internal sealed record RelayedEnd(string Relay, string Peer, long ToTarget, long ToClient, string Reason, string Detail);

/// <summary>One junction of the demonstration: the engine that <c>junction run</c> runs, with a plan made by hand instead of from a file.</summary>
internal sealed class DemoJunction : IAsyncDisposable
{
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(5);

    private readonly RelayService _service;
    private readonly EndLog _log;

    private DemoJunction(RelayService service, EndLog log) => (_service, _log) = (service, log);

    /// <summary>Starts a junction with these relays.</summary>
    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    public static async Task<DemoJunction> StartAsync(params RelayPlan[] relays)
    {
        var log = new EndLog();
        var junction = new DemoJunction(new RelayService(relays, TimeSpan.Zero, log, TimeProvider.System), log);
        try
        {
            await junction._service.StartAsync(CancellationToken.None);
            return junction;
        }
        catch
        {
            await junction._service.DisposeAsync();
            throw;
        }
    }

    /// <summary>A relay with the limits of a default configuration, or shorter ones where nobody should wait.</summary>
    public static RelayPlan Relay(string name, IPEndPoint listen, ITarget target, TlsHandshake? handshake = null, NamePatterns? allowNames = null) => new()
    {
        Name = name,
        Listen = [new ListenPlan(listen, handshake)],
        Socket = SocketSettings.Default,
        Admission = new Admission(allow: null, new ConnectionLimits(inAll: null, perClient: null)),
        Authorization = new ClientAuthorization(allowNames),
        Services = new ServiceTable(new TargetList([new TargetHealth(target, probed: false)], Balance.Failover, TimeSpan.Zero, TimeProvider.System)),
        Limits = new RelayLimits(StepLimit, HalfClosed: TimeSpan.FromSeconds(60), Idle: null, Lifetime: null),
        HealthInterval = TimeSpan.Zero,
    };

    public static TcpTarget Tcp(IPEndPoint address) => new(address, new SocketDialer(SocketSettings.Default), StepLimit);

    public static TlsTarget Tls(IPEndPoint address, TlsSettings settings, string name) => new(Tcp(address), settings, name, StepLimit);

    /// <summary>Where a relay listens, with the real port.</summary>
    public IPEndPoint AddressOf(string relay) => (IPEndPoint)_service.Addresses.First(a => a.Relay == relay).Address;

    /// <summary>
    /// Connections of a relay that live now, once they are <paramref name="expected"/> or <paramref name="limit"/> has passed: a connection
    /// leaves the table a moment after its end was seen.
    /// </summary>
    public async Task<int> LiveAsync(string relay, int expected, TimeSpan limit)
    {
        for (var started = TimeProvider.System.GetTimestamp(); ; await Task.Delay(1))
        {
            var live = _service.Connections.Connections.Count(c => c.Relay == relay);
            if (live == expected || TimeProvider.System.GetElapsedTime(started) >= limit) return live;
        }
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
        await _service.StopAsync(CancellationToken.None);
        await _service.DisposeAsync();
    }

    /// <summary>Keeps the one line per connection that the engine logs at its end.</summary>
    private sealed class EndLog : ILogger<RelayService>
    {
        private readonly Channel<RelayedEnd> _ends = Channel.CreateUnbounded<RelayedEnd>();

        public ChannelReader<RelayedEnd> Ends => _ends.Reader;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != "connection-ended" || state is not IReadOnlyList<KeyValuePair<string, object?>> fields) return;
            object? Field(string name) => fields.First(f => f.Key == name).Value;
            _ends.Writer.TryWrite(new RelayedEnd(
                (string)Field("relay")!, (string)Field("peer")!, (long)Field("toTarget")!, (long)Field("toClient")!, (string)Field("reason")!,
                (string)Field("detail")!));
        }
    }
}
