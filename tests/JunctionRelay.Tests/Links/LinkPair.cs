using System.Collections.Concurrent;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Tests.Links;

/// <summary>Two junctions, "cloud" that dials and "hq" that accepts, with a network in memory between them.</summary>
internal sealed class LinkPair : IAsyncDisposable, ILinkConnector
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _accepted = [];
    private readonly int _seed;
    private Task _dialling = Task.CompletedTask;
    private int _dials;

    public LinkPair(int seed = 1, Func<LinkOptions, LinkOptions>? cloud = null, Func<LinkOptions, LinkOptions>? hq = null)
    {
        _seed = seed;
        CloudOptions = (cloud ?? (o => o))(Options("cloud", 1));
        HqOptions = (hq ?? (o => o))(Options("hq", 1));
        Dialer = new LinkDialer("hq", "hq", CloudOptions, CloudDirectory, CloudListener, () => this);
        Acceptor = new LinkAcceptor(HqOptions, HqDirectory, HqListener);
    }

    public QuietLog Log { get; } = new();
    public LinkOptions CloudOptions { get; }
    public LinkOptions HqOptions { get; }
    public LinkDirectory CloudDirectory { get; } = new();
    public LinkDirectory HqDirectory { get; } = new();
    public LinkListener CloudListener { get; } = new("cloud");
    public LinkListener HqListener { get; } = new("hq");
    public LinkDialer Dialer { get; }
    public LinkAcceptor Acceptor { get; set; }

    /// <summary>Whether dials succeed.</summary>
    public volatile bool IsNetworkUp = true;

    /// <summary>Whether there seem to be other junctions, to which every second dial would lead.</summary>
    public bool HasOthers { get; init; }

    /// <summary>What happens to each new connection, seen from the dialler.</summary>
    public Action<MemoryConnection> OnDial { get; set; } = _ => { };

    /// <summary>The newest connection, seen from the dialler.</summary>
    public MemoryConnection? Connection { get; private set; }

    public int Dials => Volatile.Read(ref _dials);

    public LinkSession Cloud => Dialer.Session!;

    public LinkSession Hq => HqDirectory.Find("cloud")[0];

    public async Task<LinkPair> StartAsync()
    {
        _dialling = Dialer.RunAsync(_stop.Token);
        await Eventually.TrueAsync(() => Dialer.Session is { IsUp: true } && HqDirectory.Find("cloud") is [{ IsUp: true }, ..], () => "the link does not come up");
        return this;
    }

    public static LinkOpen Open(string service = "lmgrd", params string[] path) => new(service, Guid.NewGuid(), "192.0.2.1:4711", path);

    /// <summary>A stream from cloud to hq, both ends of it.</summary>
    public async Task<(LinkStream Cloud, LinkStream Hq)> OpenAsync(string service = "lmgrd")
    {
        Assert.True(Cloud.TryOpen(Open(service), out var cloud, out var refused), $"refused: {refused}");
        var hq = await HqListener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline);
        return (cloud, Assert.IsType<LinkStream>(hq));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _dialling.WaitAsync(Eventually.Deadline);
        foreach (var (_, session) in HqDirectory.All())
            session.End(CloseReason.Stopping);
        Connection?.Abort(CloseReason.Stopping);
        await HqListener.DisposeAsync();
        await CloudListener.DisposeAsync();
        await Task.WhenAll(_accepted).WaitAsync(Eventually.Deadline);
        _stop.Dispose();
    }

    public LinkOptions Options(string name, ulong generation) => new()
    {
        Self = new LinkParty(name, new Guid(name.PadRight(16, '.').Select(c => (byte)c).ToArray(), bigEndian: true), generation),
        Log = Log,
        // Hundreds of cuts would otherwise be hundreds of waits.
        FirstRetry = TimeSpan.FromMilliseconds(2),
        LongestRetry = TimeSpan.FromMilliseconds(20),
        LongestResumeRetry = TimeSpan.FromMilliseconds(20),
    };

    bool ILinkConnector.HasOthers => HasOthers;

    bool ILinkConnector.IsRoundOver => true;

    ILinkConnector ILinkConnector.Others() => this;

    Task<ILinkConnector?> ILinkConnector.PreferredAsync(CancellationToken cancellationToken) => Task.FromResult<ILinkConnector?>(null);

    void ILinkConnector.IsNotAt(Guid instance)
    {
    }

    Task<DialOutcome?> ILinkConnector.ConnectAsync(bool wasRight, CancellationToken cancellationToken)
    {
        var dial = Interlocked.Increment(ref _dials);
        if (!IsNetworkUp)
            return Task.FromResult<DialOutcome?>(DialOutcome.Failed(CloseReason.DialRefused, "the network is down"));
        var (dialler, acceptor) = MemoryConnection.Pair("cloud", "hq", _seed + dial);
        Connection = dialler;
        OnDial(dialler);
        lock (_accepted)
            _accepted.Add(Acceptor.RunAsync(acceptor));
        return Task.FromResult<DialOutcome?>(DialOutcome.Connected(dialler));
    }
}

/// <summary>Keeps what was logged without showing it: a test that cuts hundreds of times would drown its own message.</summary>
internal sealed class QuietLog : ILogger
{
    private readonly ConcurrentQueue<string> _messages = new();

    public IReadOnlyCollection<string> Messages => _messages;

    /// <summary>Waits for a message that holds <paramref name="text"/>.</summary>
    public Task WaitAsync(string text) => Eventually.TrueAsync(
        () => _messages.Any(m => m.Contains(text, StringComparison.Ordinal)), () => $"nobody said \"{text}\", but:\n{string.Join('\n', _messages.TakeLast(20))}");

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _messages.Enqueue(formatter(state, exception));
}
