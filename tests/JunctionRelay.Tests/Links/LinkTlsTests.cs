using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>Links over real sockets and real TLS.</summary>
public sealed class LinkTlsTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Streams_go_both_ways_over_tls()
    {
        await using var hq = new Hq();
        await using var cloud = new Cloud([hq.EndPoint], hq.Log);
        await cloud.UpAsync();

        var (client, target) = await cloud.OpenAsync(hq);
        await Task.WhenAll(
            Pattern.SendAsync(client, 1, 8 << 20), Pattern.CheckAsync(target, 1, 8 << 20),
            Pattern.SendAsync(target, 2, 8 << 20), Pattern.CheckAsync(client, 2, 8 << 20)).WaitAsync(Patience);
        Assert.Equal("cloud", target.Peer!.Name);
        Assert.Equal("hq", client.Peer!.Name);
    }

    [Fact]
    public async Task Real_cuts_of_every_kind_are_survived()
    {
        static LinkOptions Quick(LinkOptions options) => options with { PingInterval = TimeSpan.FromMilliseconds(200) };
        const int Streams = 16;
        const int Bytes = 2 << 20;
        await using var hq = new Hq(options: Quick);
        await using var proxy = new CuttingProxy(hq.EndPoint);
        await using var cloud = new Cloud([proxy.EndPoint], hq.Log, Quick);
        await cloud.UpAsync();

        var all = new List<Task>();
        var done = 0;
        for (var i = 0; i < Streams; i++)
        {
            var (client, target) = await cloud.OpenAsync(hq);
            all.AddRange([SlowlyAsync(client, 2 * i), Pattern.CheckAsync(target, 2 * i, Bytes), SlowlyAsync(target, 2 * i + 1), Pattern.CheckAsync(client, 2 * i + 1, Bytes)]);
        }

        var session = cloud.Session;
        for (var cut = 0; cut < 12; cut++)
        {
            var before = session.Resumes;
            proxy.Cut((CutKind)(cut % 3));
            await Eventually.TrueAsync(() => session.Resumes > before && session.IsUp, () => $"cut {cut} is not survived");
            // In the middle of data, not before the first byte.
            var moved = Volatile.Read(ref done);
            await Eventually.TrueAsync(() => Volatile.Read(ref done) > moved || all.TrueForAll(t => t.IsCompleted), () => "nothing moves after a cut");
        }

        await Task.WhenAll(all).WaitAsync(Patience);
        output.WriteLine($"{session.Resumes} resumes");

        // Paced, so that there is something to cut all the time.
        async Task SlowlyAsync(LinkStream stream, int number)
        {
            var piece = new byte[32 * 1024];
            for (var sent = 0; sent < Bytes; sent += piece.Length)
            {
                Pattern.Fill(piece, number, sent);
                await stream.Output.WriteAsync(piece);
                Interlocked.Increment(ref done);
                await Task.Delay(20);
            }

            await stream.CompleteOutputAsync();
        }
    }

    [Fact]
    public async Task A_certificate_of_another_authority_gets_no_link_on_either_side()
    {
        var stranger = new TestPki("Another CA");
        await using var hq = new Hq();
        await using var untrusted = new Cloud([hq.EndPoint], hq.Log, tls: new TlsSettings(stranger.Identity("cloud"), TestPki.Default.Trust));
        await hq.Log.WaitAsync("was issued by");
        await using var untrusting = new Cloud([hq.EndPoint], hq.Log, tls: new TlsSettings(TestPki.Default.Identity("cloud"), stranger.Trust));
        await hq.Log.WaitAsync("CN=Test CA");
        Assert.Empty(hq.Directory.All());
    }

    [Fact]
    public async Task A_peer_without_a_certificate_gets_no_link()
    {
        await using var hq = new Hq();
        await using var nobody = new Cloud([hq.EndPoint], hq.Log, tls: new TlsSettings(null, TestPki.Default.Trust));
        await hq.Log.WaitAsync("sent no certificate");
        Assert.Empty(hq.Directory.All());
    }

    [Fact]
    public async Task Another_junction_than_the_one_that_was_meant_gets_no_link()
    {
        await using var mallory = new Hq("mallory");
        await using var cloud = new Cloud([mallory.EndPoint], mallory.Log);
        await mallory.Log.WaitAsync("not for the name \"hq\"");
        Assert.Empty(mallory.Directory.All());
    }

    [Fact]
    public async Task Something_that_is_no_junction_is_named()
    {
        // TLS with the right certificate, but without our protocol.
        var plain = TlsHandshake.Serving(new TlsSettings(TestPki.Default.Identity("hq"), TestPki.Default.Trust, RequirePeerCertificate: true));
        await using var listener = SocketListener.Bind(new IPEndPoint(IPAddress.Loopback, 0), SocketSettings.Default);
        var serving = ServeAsync();
        var log = new QuietLog();
        await using (var cloud = new Cloud([listener.EndPoint], log))
            await log.WaitAsync("does not speak junction-link/1");
        await listener.DisposeAsync();
        await serving;

        async Task ServeAsync()
        {
            while (await listener.AcceptAsync() is { } connection)
            {
                var secured = await plain.RunAsync(connection, TimeSpan.FromSeconds(5), CancellationToken.None);
                await (secured.Connection ?? connection).DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_peer_that_may_not_is_refused_and_logged()
    {
        await using var hq = new Hq(refusal: "cloud is not in peers");
        await using var cloud = new Cloud([hq.EndPoint], hq.Log);
        await hq.Log.WaitAsync("cloud is not in peers");
        Assert.Empty(hq.Directory.All());
    }

    [Fact]
    public async Task A_dead_address_costs_little_and_a_session_goes_back_to_its_own_instance()
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        // A port that nobody listens on.
        using var dead = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        dead.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var proxy = new CuttingProxy(first.EndPoint);
        await using var cloud = new Cloud([dead.LocalEndPoint!, proxy.EndPoint, second.EndPoint], first.Log);
        await cloud.UpAsync();
        var (client, target) = await cloud.OpenAsync(first);

        // The address that was right fails once; the others are tried, and give no verdict.
        proxy.Cut(CutKind.Reset);
        await Pattern.SendAsync(client, 1, 10_000);
        await Pattern.CheckAsync(target, 1, 10_000).WaitAsync(Patience);
        Assert.All(second.Directory.All(), s => Assert.Equal(0, s.Session.StreamCount));
    }

    /// <summary>Nothing refuses there, and nothing answers: of several addresses one costs a second, where one alone has ten.</summary>
    [Fact]
    public async Task A_silent_address_costs_a_second_where_there_are_others()
    {
        await using var hq = new Hq();
        // Its queue is full, so the system drops who comes (listen(2)).
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        using var queued = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await queued.ConnectAsync(silent.LocalEndPoint!);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await using var cloud = new Cloud([silent.LocalEndPoint!, hq.EndPoint], hq.Log);
        await cloud.UpAsync();
        output.WriteLine($"up after {watch.Elapsed.TotalSeconds:0.00} s");
        Assert.InRange(watch.Elapsed, LinkConnector.OneOfManyTimeout * 0.9, LinkConnector.LastTimeout * 0.6);
    }

    [Fact]
    public async Task The_next_session_asks_the_junction_that_failed_last()
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        ILinkConnector connector = new LinkConnector(
            [first.EndPoint, second.EndPoint], "hq", new TlsSettings(TestPki.Default.Identity("cloud"), TestPki.Default.Trust), new SocketDialer(SocketSettings.Default), _ => null);
        Assert.Equal(first.EndPoint, await DialledAsync(connector));
        connector = connector.Others();
        Assert.Equal(second.EndPoint, await DialledAsync(connector));
        Assert.Equal(first.EndPoint, await DialledAsync(connector));
        Assert.Equal(second.EndPoint, await DialledAsync(connector));
        Assert.Equal(first.EndPoint, await DialledAsync(connector.Others()));
    }

    private static async Task<EndPoint?> DialledAsync(ILinkConnector connector)
    {
        await using var connection = (await connector.ConnectAsync(wasRight: false, CancellationToken.None))!.Value.Connection!;
        return connection.RemoteEndPoint;
    }

    [Fact]
    public async Task New_streams_go_to_another_junction_while_the_old_ones_wait_for_theirs()
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        await using var proxy = new CuttingProxy(first.EndPoint);
        await using var cloud = new Cloud([proxy.EndPoint, second.EndPoint], first.Log);
        await cloud.UpAsync();
        var old = cloud.Session;
        var (client, target) = await cloud.OpenAsync(first);

        proxy.IsDown = true;
        proxy.Cut(CutKind.Reset);
        await Eventually.TrueAsync(() => !old.IsUp, () => "the cut is not noticed");
        var (stream, refused) = await cloud.Directory.OpenAsync("hq", LinkPair.Open(), TimeProvider.System, CancellationToken.None);
        Assert.True(stream is not null, $"refused: {refused}");
        await using var elsewhere = await second.Listener.AcceptAsync().AsTask().WaitAsync(Patience);
        Assert.Same(old, client.Session);
        Assert.NotSame(old, stream.Session);

        // The old junction comes back: its streams go on, and nobody has reset them.
        proxy.IsDown = false;
        await Task.WhenAll(Pattern.SendAsync(client, 1, 100_000), Pattern.CheckAsync(target, 1, 100_000)).WaitAsync(Patience);
    }

    [Fact]
    public async Task A_port_that_refuses_is_not_waited_for_where_there_are_others()
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        var proxy = new CuttingProxy(first.EndPoint);
        // By its clock no time ever passes, so that patience never ends.
        await using var cloud = new Cloud([proxy.EndPoint, second.EndPoint], first.Log, o => o with { Time = new StandingClock() });
        await cloud.UpAsync();
        var old = cloud.Session;
        await proxy.DisposeAsync();
        await Eventually.TrueAsync(() => second.Directory.All().Count == 1 && cloud.Session != old, () => "the other junction is not dialled");
        Assert.False(old.IsEnded);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_junction_that_is_gone_is_looked_for_at_the_others_for_the_sake_of_its_streams_only(bool hasStreams)
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        var proxy = new CuttingProxy(first.EndPoint);
        await using var cloud = new Cloud([proxy.EndPoint, second.EndPoint], first.Log);
        await cloud.UpAsync();
        var old = cloud.Session;
        if (hasStreams) await cloud.OpenAsync(first);
        await proxy.DisposeAsync();
        await Eventually.TrueAsync(() => cloud.Session != old && cloud.Session.IsUp, () => "the other junction is not dialled");
        if (hasStreams) await first.Log.WaitAsync("refused (NotMine)");
        else await Eventually.TrueAsync(() => old.IsEnded, () => "the empty session is kept");
        Assert.NotEqual(hasStreams, old.IsEnded);
    }

    [Fact]
    public async Task An_address_where_another_junction_answers_twice_is_left_alone_for_a_while()
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        var time = new ManualTime();
        var connector = Connector(first.EndPoint, second.EndPoint);
        var stranger = Guid.NewGuid();
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(first.EndPoint, await DialledAsync(connector));
            connector.IsNotAt(stranger);
            Assert.Equal(second.EndPoint, await DialledAsync(connector));
        }

        Assert.Equal(second.EndPoint, await DialledAsync(connector));
        // Behind this address are several, by turns: the one that is looked for may be the next.
        for (var i = 0; i < 5; i++)
        {
            connector.IsNotAt(Guid.NewGuid());
            Assert.Equal(second.EndPoint, await DialledAsync(connector));
        }

        connector.IsNotAt(stranger);
        Assert.Equal(second.EndPoint, await DialledAsync(connector));
        connector.IsNotAt(stranger);
        Assert.Null(await connector.ConnectAsync(wasRight: false, CancellationToken.None));
        time.Advance(LinkConnector.LeftAlone);
        Assert.Equal(first.EndPoint, await DialledAsync(connector));
        connector.IsNotAt(stranger);
        Assert.Equal(second.EndPoint, await DialledAsync(connector));
        Assert.Equal(second.EndPoint, await DialledAsync(connector));

        // There is nobody else to ask.
        var alone = Connector(first.EndPoint);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(first.EndPoint, await DialledAsync(alone));
            alone.IsNotAt(stranger);
        }

        LinkConnector Connector(params EndPoint[] dial) => new(
            dial, "hq", new TlsSettings(TestPki.Default.Identity("cloud"), TestPki.Default.Trust), new SocketDialer(SocketSettings.Default), _ => null, time: time);
    }

    [Fact]
    public async Task A_draining_junction_keeps_its_streams_and_gets_no_new_ones()
    {
        await using var first = new Hq(instance: 1);
        await using var second = new Hq(instance: 2);
        await using var cloud = new Cloud([first.EndPoint, second.EndPoint], first.Log);
        await cloud.UpAsync();
        var (client, target) = await cloud.OpenAsync(first);
        first.Directory.Drain();
        // The second address is asked, since the first one is leaving.
        await Eventually.TrueAsync(() => second.Directory.All().Count > 0 && cloud.Session != client.Session, () => "no other session is made");
        var (elsewhere, _) = await cloud.Directory.OpenAsync("hq", LinkPair.Open(), TimeProvider.System, CancellationToken.None);
        Assert.Same(cloud.Session, elsewhere!.Session);
        await Task.WhenAll(Pattern.SendAsync(client, 1, 100_000), Pattern.CheckAsync(target, 1, 100_000)).WaitAsync(Patience);
    }

    [Fact]
    public async Task The_successor_of_a_junction_that_drains_is_waited_for_also_when_the_session_was_empty_and_is_closed()
    {
        await using var hq = new Hq();
        await using var cloud = new Cloud([hq.EndPoint], hq.Log);
        await cloud.UpAsync();
        var old = cloud.Session;
        hq.Directory.Drain();
        await Eventually.TrueAsync(() => old.IsPeerDraining, () => "the drain is not heard of");
        foreach (var (_, session) in hq.Directory.All())
            await session.CloseAsync(CloseReason.Stopping, "its last stream is over");
        await Eventually.TrueAsync(() => cloud.Directory.All().Count == 0, () => "the session is kept");
        Assert.True(cloud.Directory.TakesStreams("hq", TimeProvider.System));
    }

    [Fact]
    public async Task A_preferred_junction_that_comes_gets_new_streams_while_the_old_ones_stay()
    {
        await using var first = new Hq(instance: 1);
        var here = (IPEndPoint)first.EndPoint;
        var there = new IPEndPoint(IPAddress.Parse("127.0.0.2"), here.Port);
        await using var second = new Hq(instance: 2, listen: there);
        var dialler = Enumerable.Range(0, 1000).Select(i => $"{i}").First(d => AddressPreference.Prefers(d, there.Address, here.Address));
        IPAddress[] known = [here.Address];
        var looks = 0;
        await using var cloud = new Cloud([new DnsEndPoint("hq.corp", here.Port)], first.Log, o => o with { LookRound = TimeSpan.FromMilliseconds(20) }, dialler: dialler, resolve: (_, _) =>
        {
            Interlocked.Increment(ref looks);
            return Task.FromResult(known);
        });
        await cloud.UpAsync();
        var (client, target) = await cloud.OpenAsync(first);
        var old = client.Session;

        known = [here.Address, there.Address];
        await Eventually.TrueAsync(() => second.Directory.All().Count == 1 && cloud.Session != old, () => "nothing moves");
        var (elsewhere, _) = await cloud.Directory.OpenAsync("hq", LinkPair.Open(), TimeProvider.System, CancellationToken.None);
        Assert.Same(cloud.Session, elsewhere!.Session);
        await Task.WhenAll(Pattern.SendAsync(client, 1, 100_000), Pattern.CheckAsync(target, 1, 100_000)).WaitAsync(Patience);
        Assert.True(old.IsUp && old.IsRetired);

        // An answer of the name server without the better one is no reason to go back.
        known = [here.Address];
        var before = Volatile.Read(ref looks);
        await Eventually.TrueAsync(() => Volatile.Read(ref looks) >= before + 3, () => "nobody looks round any more");
        Assert.Same(cloud.Session, elsewhere.Session);
        Assert.Single(second.Directory.All());
    }

    [Fact]
    public async Task A_preferred_address_where_nobody_answers_changes_nothing()
    {
        await using var hq = new Hq();
        var here = (IPEndPoint)hq.EndPoint;
        var there = new IPEndPoint(IPAddress.Parse("127.0.0.2"), here.Port);
        var dialler = Enumerable.Range(0, 1000).Select(i => $"{i}").First(d => AddressPreference.Prefers(d, there.Address, here.Address));
        IPAddress[] known = [here.Address];
        await using var cloud = new Cloud(
            [new DnsEndPoint("hq.corp", here.Port)], hq.Log, o => o with { LookRound = TimeSpan.FromMilliseconds(20) }, dialler: dialler, resolve: (_, _) => Task.FromResult(known));
        await cloud.UpAsync();
        var session = cloud.Session;
        known = [here.Address, there.Address];
        await hq.Log.WaitAsync("could not be dialled");
        Assert.Same(session, cloud.Session);
        Assert.True(session is { IsUp: true, IsRetired: false });
    }

    [Fact]
    public async Task A_link_goes_through_an_http_proxy()
    {
        await using var hq = new Hq();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = new TaskCompletionSource<string>();
        var serving = ServeAsync();
        var address = (IPEndPoint)listener.LocalEndpoint;
        await using (var cloud = new Cloud([new DnsEndPoint("hq.corp", 8443)], hq.Log, proxy: host => HttpProxy.For(((DnsEndPoint)host).Host, $"http://me:secret@127.0.0.1:{address.Port}", "localhost,.internal")))
        {
            await cloud.UpAsync();
            await cloud.OpenAsync(hq);
        }

        listener.Stop();
        await serving;
        Assert.Equal("CONNECT hq.corp:8443 HTTP/1.1\r\nHost: hq.corp:8443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n", await asked.Task);

        async Task ServeAsync()
        {
            using var near = await listener.AcceptSocketAsync();
            var head = new byte[4096];
            var length = await near.ReceiveAsync(head.AsMemory());
            asked.SetResult(System.Text.Encoding.ASCII.GetString(head, 0, length));
            await near.SendAsync("HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"u8.ToArray());
            using var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await far.ConnectAsync(hq.EndPoint);
            await using var a = new NetworkStream(near);
            await using var b = new NetworkStream(far);
            await Task.WhenAny(a.CopyToAsync(b), b.CopyToAsync(a));
        }
    }

    [Fact]
    public async Task Strangers_who_say_nothing_keep_no_junction_out()
    {
        await using var hq = new Hq(handshakeLimit: TimeSpan.FromHours(1));
        var strangers = new List<Peer>();
        try
        {
            for (var i = 0; i < 2 * HandshakeTurns.Most; i++) strangers.Add(await Peer.ConnectAsync(hq.EndPoint));
            await using var cloud = new Cloud([hq.EndPoint], hq.Log);
            await cloud.UpAsync();
        }
        finally
        {
            strangers.ForEach(s => s.Dispose());
        }
    }

    [Theory]
    [InlineData(true)]    // by a clock that stands nobody is ever made to make room
    [InlineData(false)]   // and where all come from one address, they make room
    public async Task Strangers_who_say_half_a_word_keep_no_junction_out(bool isElsewhere)
    {
        await using var hq = new Hq(handshakeLimit: TimeSpan.FromHours(1), time: isElsewhere ? new StandingClock() : null);
        var strangers = new List<Socket>();
        try
        {
            for (var i = 0; i < (isElsewhere ? HandshakeTurns.Most : HandshakeTurns.MostOfOne); i++)
            {
                var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                strangers.Add(stranger);
                if (isElsewhere) stranger.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
                await stranger.ConnectAsync(hq.EndPoint);
                await stranger.SendAsync(new byte[] { 22, 3, 1 });
            }

            await using var cloud = new Cloud([hq.EndPoint], hq.Log);
            await cloud.UpAsync();
        }
        finally
        {
            strangers.ForEach(s => s.Dispose());
        }
    }

    [Theory]
    [InlineData("hq.corp", "http://p:3128", null, true)]
    [InlineData("hq.corp", "p:3128", "", true)]
    [InlineData("hq.corp", "http://p:3128", "corp", false)]
    [InlineData("hq.corp", "http://p:3128", ".corp", false)]
    [InlineData("hq.corp", "http://p:3128", "other, HQ.CORP", false)]
    [InlineData("hq.corp", "http://p:3128", "rp", true)]
    [InlineData("hq.corp", "http://p:3128", "*", false)]
    [InlineData("hq.corp", null, null, false)]
    public void The_proxy_variables_are_understood(string host, string? httpsProxy, string? noProxy, bool uses) =>
        Assert.Equal(uses, HttpProxy.For(host, httpsProxy, noProxy) is { Address: { Host: "p", Port: 3128 } });

    /// <summary>Its timers run, its hands do not move.</summary>
    private sealed class StandingClock : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }

    /// <summary>The accepting junction.</summary>
    private sealed class Hq : IAsyncDisposable
    {
        private readonly LinkPort _port;
        private readonly Task _running;

        public Hq(string name = "hq", byte instance = 1, Func<LinkOptions, LinkOptions>? options = null, string? refusal = null, IPEndPoint? listen = null, TimeSpan? handshakeLimit = null, TimeProvider? time = null)
        {
            var own = (options ?? (o => o))(Options(name, instance, Log));
            Listener = new LinkListener(name);
            var handshake = TlsHandshake.Serving(LinkConnector.ForLinks(new TlsSettings(TestPki.Default.Identity(name), TestPki.Default.Trust)));
            _port = new LinkPort(
                SocketListener.Bind(listen ?? new IPEndPoint(IPAddress.Loopback, 0), SocketSettings.Default), () => handshake,
                (_, _) => new LinkAcceptor(own, Directory, Listener, refusal), Log, time ?? TimeProvider.System)
            { HandshakeLimit = handshakeLimit ?? LinkPort.HandshakeTimeout };
            _running = _port.RunAsync();
        }

        public QuietLog Log { get; } = new();
        public LinkDirectory Directory { get; } = new();
        public LinkListener Listener { get; }
        public EndPoint EndPoint => _port.EndPoint;

        public async ValueTask DisposeAsync()
        {
            await _port.DisposeAsync();
            foreach (var (_, session) in Directory.All())
                await session.CloseAsync(CloseReason.Stopping, "the test is over");
            await _running.WaitAsync(Patience);
            await Listener.DisposeAsync();
        }
    }

    /// <summary>The dialling junction.</summary>
    private sealed class Cloud : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly LinkDialer _dialer;
        private readonly Task _running;

        public Cloud(
            IReadOnlyList<EndPoint> dial, QuietLog log, Func<LinkOptions, LinkOptions>? options = null, TlsSettings? tls = null, Func<EndPoint, HttpProxy?>? proxy = null,
            string? dialler = null, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
        {
            var dialer = new SocketDialer(SocketSettings.Default);
            LinkConnector Connector() => new(
                dial, "hq", tls ?? new TlsSettings(TestPki.Default.Identity("cloud"), TestPki.Default.Trust), dialer, address => proxy?.Invoke(address) is { } found ? (to, timeout, stop) => found.ConnectAsync(to, dialer, timeout, stop) : null,
                resolve, dialler: dialler);
            _dialer = new LinkDialer("hq", "hq", (options ?? (o => o))(Options("cloud", 9, log)), Directory, null, Connector);
            _running = _dialer.RunAsync(_stop.Token);
        }

        public LinkDirectory Directory { get; } = new();

        public LinkSession Session => _dialer.Session!;

        public Task UpAsync() => Eventually.TrueAsync(() => _dialer.Session is { IsUp: true }, () => "the link does not come up");

        public async Task<(LinkStream Client, LinkStream Target)> OpenAsync(Hq hq)
        {
            Assert.True(Session.TryOpen(LinkPair.Open(), out var client, out var refused), $"refused: {refused}");
            var target = await hq.Listener.AcceptAsync().AsTask().WaitAsync(Patience);
            return (client, Assert.IsType<LinkStream>(target));
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.WaitAsync(Patience);
            _stop.Dispose();
        }
    }

    private static LinkOptions Options(string name, byte instance, QuietLog log) => new()
    {
        Self = new LinkParty(name, new Guid([instance, .. new byte[15]]), 1),
        Log = log,
        FirstRetry = TimeSpan.FromMilliseconds(20),
        LongestRetry = TimeSpan.FromMilliseconds(100),
    };
}
