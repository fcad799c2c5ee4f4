using System.Buffers.Binary;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>A peer with a valid certificate that means harm: its own session ends with a named reason, everybody else's lives on.</summary>
public sealed class HostilePeerTests : IAsyncLifetime
{
    private readonly LinkPair _honest = new();

    // Serves the hostile ones: the junction and its sessions are the same, the streams do not get in the honest one's way.
    private readonly LinkAcceptor _acceptor;

    public HostilePeerTests() => _acceptor = new LinkAcceptor(_honest.HqOptions, _honest.HqDirectory, new LinkListener("hq"));

    public async ValueTask InitializeAsync() => await _honest.StartAsync();

    public async ValueTask DisposeAsync()
    {
        // Whatever happened, the honest link of the same junction carries streams.
        var (client, target) = await _honest.OpenAsync();
        await Task.WhenAll(Pattern.SendAsync(client, 1, 100_000), Pattern.CheckAsync(target, 1, 100_000)).WaitAsync(Eventually.Deadline);
        await _honest.DisposeAsync();
    }

    public static TheoryData<string, byte[], string> Violations => new()
    {
        { "CREDIT too short", RawPeer.Frame(LinkFrameType.Credit, 1, new byte[23]), "Credit with 23 bytes" },
        { "CREDIT too long", RawPeer.Frame(LinkFrameType.Credit, 1, new byte[65]), "Credit with 65 bytes" },
        { "DATA without bytes", RawPeer.Frame(LinkFrameType.Data, 1, new byte[4]), "Data with 4 bytes" },
        { "DATA too long", RawPeer.Frame(LinkFrameType.Data, 1, new byte[32 * 1024]), "Data with 32768 bytes" },
        { "the longest length", [4, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1], "Data with 16777215 bytes" },
        { "OPEN of the session", RawPeer.Frame(LinkFrameType.Open, 0), "stream id 0" },
        { "PING of a stream", RawPeer.Frame(LinkFrameType.Ping, 5, new byte[8]), "stream id 5" },
        { "unknown mandatory type", RawPeer.Frame((LinkFrameType)0xEE, 0), "0xee" },
        { "a second HELLO", RawPeer.Frame(LinkFrameType.Hello, 0), "second HELLO" },
        { "KNOWN in a new session", RawPeer.Frame(LinkFrameType.Known, 0, new byte[8]), "KNOWN" },
        { "DATA of nothing", RawPeer.Data(9, 0, 1), "stream 9, which is not open" },
        { "END of nothing", RawPeer.Frame(LinkFrameType.End, 9, new byte[8]), "stream 9, which was never opened" },
        { "RESET of nothing", RawPeer.Frame(LinkFrameType.Reset, 9, 0, 101), "stream 9, which was never opened" },
        { "CREDIT for a stream of ours that is none", RawPeer.Credit(2, 0, 0, 10), "stream 2, which was never opened" },
        { "OPEN with a number of ours", RawPeer.Open(2), "OPEN of stream 2" },
        { "OPEN twice", [.. RawPeer.Open(1), .. RawPeer.Open(1)], "OPEN of stream 1 after that of 1" },
        { "OPEN that goes back", [.. RawPeer.Open(3), .. RawPeer.Open(1)], "OPEN of stream 1 after that of 3" },
        { "DATA past the window", [.. RawPeer.Open(1), .. RawPeer.Data(1, 0, new byte[16 * 1024 + 1])], "PastLimit" },
        { "DATA of a held stream before its answer", [.. RawPeer.Held(1), .. RawPeer.Data(1, 0, 1)], "PastLimit" },
        { "DATA with a gap", [.. RawPeer.Open(1), .. RawPeer.Data(1, 5, 1)], "Gap" },
        { "DATA twice", [.. RawPeer.Open(1), .. RawPeer.Data(1, 0, 1), .. RawPeer.Data(1, 0, 1)], "Gap" },
        { "DATA after END", [.. RawPeer.Open(1), .. RawPeer.Frame(LinkFrameType.End, 1, new byte[8]), .. RawPeer.Data(1, 0, 1)], "AfterEnd" },
        { "END at another offset", [.. RawPeer.Open(1), .. RawPeer.Frame(LinkFrameType.End, 1, 0, 0, 0, 0, 0, 0, 0, 9)], "Gap" },
        { "DATA after RESET", [.. RawPeer.Open(1), .. RawPeer.Frame(LinkFrameType.Reset, 1, 0, 101), .. RawPeer.Data(1, 0, 1)], "stream 1" },
        { "credit for what was not sent", [.. RawPeer.Open(1), .. RawPeer.Credit(1, 7, 0, 20_000)], "AcknowledgesUnsent" },
        { "credit that goes back", [.. RawPeer.Open(1), .. RawPeer.Credit(1, 0, 0, 20_000), .. RawPeer.Credit(1, 0, 0, 19_999)], "GoesBack" },
        { "credit that overflows", [.. RawPeer.Open(1), .. RawPeer.Credit(1, 0, 0, (1L << 30) + 1)], "CreditOverflow" },
        { "credit of 2^63", [.. RawPeer.Open(1), .. RawPeer.Credit(1, 0, 0, long.MinValue)], "GoesBack" },
        { "delivered without received", [.. RawPeer.Open(1), .. RawPeer.Credit(1, 0, 3, 20_000)], "DeliveredUnreceived" },
        { "GONE unasked", [.. RawPeer.Open(1), .. RawPeer.Frame(LinkFrameType.Gone, 1)], "not reset" },
    };

    [Theory]
    [MemberData(nameof(Violations))]
    public async Task A_violation_ends_the_session_and_is_named(string what, byte[] bytes, string named)
    {
        await using var peer = new RawPeer(_acceptor);
        await peer.GreetAsync();
        await peer.SendAsync(bytes);
        var text = await peer.ReadViolationAsync();
        Assert.True(text.Contains(named, StringComparison.Ordinal), $"{what}: {text}");
    }

    [Theory]
    [InlineData(new byte[] { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01 })]
    [InlineData(new byte[] { (byte)'G', (byte)'E', (byte)'T', (byte)' ', (byte)'/', (byte)' ', (byte)'H', (byte)'T' })]
    [InlineData(new byte[] { 9, 0, 0, 8, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 })]
    public async Task Something_else_than_hello_ends_the_connection(byte[] bytes)
    {
        await using var peer = new RawPeer(_acceptor);
        await peer.SendAsync(bytes);
        await peer.Served.WaitAsync(Eventually.Deadline);
        Assert.Contains(_honest.Log.Messages, m => m.Contains("no usable HELLO", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_slow_hello_is_not_waited_for()
    {
        var acceptor = new LinkAcceptor(_honest.HqOptions with { HelloTimeout = TimeSpan.FromMilliseconds(100) }, new LinkDirectory(), null);
        await using var peer = new RawPeer(acceptor);
        await peer.SendAsync(1, 0, 0);
        await peer.Served.WaitAsync(Eventually.Deadline);
        Assert.Contains(_honest.Log.Messages, m => m.Contains("no HELLO within", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_slow_known_is_not_waited_for()
    {
        var options = _honest.HqOptions with { HelloTimeout = TimeSpan.FromMilliseconds(100), PingInterval = TimeSpan.FromMilliseconds(200) };
        var acceptor = new LinkAcceptor(options, new LinkDirectory(), new LinkListener("hq"));
        LinkHello first;
        await using (var before = new RawPeer(acceptor))
            first = await before.GreetAsync();
        await using var peer = new RawPeer(acceptor);
        var answer = await peer.GreetAsync(RawPeer.Hello with { Session = first.Session, Epoch = 2, Wanted = options.Self.Instance });
        Assert.Equal(LinkVerdict.Resumed, answer.Verdict);
        // It speaks, and says nothing.
        await peer.SendAsync(LinkFrameType.Ping, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        await peer.Served.WaitAsync(Eventually.Deadline);
        Assert.Contains(_honest.Log.Messages, m => m.Contains("no KNOWN within 0.1 s", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Unknown_frames_are_skipped_and_answered_once()
    {
        await using var peer = new RawPeer(_acceptor);
        await peer.GreetAsync();
        var unknown = RawPeer.Frame((LinkFrameType)0x42, 77, new byte[1000]);
        await peer.SendAsync([.. unknown, .. unknown, .. unknown]);
        Assert.Equal([0x42], (await peer.ReadAsync(LinkFrameType.Unknown)).Payload);
        // An answer to an answer would never end.
        await peer.SendAsync(LinkFrameType.Unknown, 0, 0x42);
        await peer.SendAsync(LinkFrameType.Ping, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], (await peer.ReadAsync(LinkFrameType.Pong)).Payload);
    }

    [Fact]
    public async Task Endless_pings_cost_nothing_but_the_answer_to_the_newest()
    {
        await using var peer = new RawPeer(_acceptor);
        await peer.GreetAsync();
        var mark = new byte[8];
        for (var i = 0; i < 200; i++)
        {
            var pings = new List<byte>();
            for (var j = 0; j < 100; j++)
            {
                BinaryPrimitives.WriteInt32BigEndian(mark, i * 100 + j);
                pings.AddRange(RawPeer.Frame(LinkFrameType.Ping, 0, mark));
            }

            await peer.SendAsync([.. pings]);
        }

        // The peer has read nothing all the while, and only the newest answers are there.
        var answers = 0;
        while (true)
        {
            var (_, payload) = await peer.ReadAsync(LinkFrameType.Pong);
            answers++;
            if (payload.AsSpan().SequenceEqual(mark))
                break;
        }

        Assert.True(answers < 2_000, $"{answers} answers to 20,000 pings");
    }

    [Fact]
    public async Task Endless_opens_are_refused_and_then_end_the_session()
    {
        var directory = new LinkDirectory();
        var acceptor = new LinkAcceptor(_honest.HqOptions with { MaxStreams = 10 }, directory, new LinkListener("hq"));
        await using var peer = new RawPeer(acceptor);
        await peer.GreetAsync();
        var session = Assert.Single(directory.Find("cloud"));
        var most = 0;
        // Refusals are read but never answered by GONE.
        var reading = peer.ReadViolationAsync();
        try
        {
            for (var id = 1u; id < 10_000; id += 2)
            {
                await peer.SendAsync(RawPeer.Open(id));
                most = Math.Max(most, session.StreamCount);
            }
        }
        catch (IOException)
        {
            // The session has ended.
        }

        Assert.Contains("more than the limit of 10", await reading, StringComparison.Ordinal);
        // Those that it may have, and refusals that it has not answered.
        Assert.InRange(most, 10, 10 + 1024);
    }

    [Fact]
    public async Task Credit_without_bound_does_not_make_the_junction_hold_without_bound()
    {
        var listener = new LinkListener("hq");
        var options = _honest.HqOptions with { BudgetBytes = 1024 * 1024 };
        var directory = new LinkDirectory();
        await using var peer = new RawPeer(new LinkAcceptor(options, directory, listener));
        await peer.GreetAsync();
        var floods = new List<Task>();
        var streams = new List<LinkStream>();
        for (var id = 1u; id <= 41; id += 2)
        {
            await peer.SendAsync([.. RawPeer.Open(id), .. RawPeer.Credit(id, 0, 0, 1 << 30)]);
            var stream = (LinkStream)(await listener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline))!;
            streams.Add(stream);
            floods.Add(LinkStreamTests.FloodAsync(stream, () => { }));
        }

        // The peer acknowledges nothing, and reads nothing.
        var session = directory.Find("cloud")[0];
        await Eventually.StableAsync(() => streams.Sum(s => (int)s.Ledger.Written));
        Assert.True(session.SendBudget.Taken <= options.BudgetBytes);
        var held = streams.Sum(s => s.Ledger.Written - s.Ledger.PeerReceived);
        Assert.True(held <= options.BudgetBytes, $"{held} bytes are held");
        session.End(CloseReason.Stopping);
        await Assert.ThrowsAsync<ConnectionBrokenException>(() => Task.WhenAll(floods));
    }

    [Fact]
    public async Task Somebody_elses_session_is_as_unknown_as_one_that_never_was()
    {
        var session = _honest.Hq;
        var party = session.PeerParty;
        foreach (var (name, id, as_) in new[]
        {
            ("mallory", session.Id, party), // the right id, instance and generation under another name
            ("mallory", Guid.NewGuid(), RawPeer.Party), // a guess
            ("cloud", session.Id, party with { Instance = Guid.NewGuid() }), // a replica of the name
            ("cloud", session.Id, party with { Generation = 0 }), // an older start
        })
        {
            await using var thief = new RawPeer(_acceptor, name);
            var answer = await thief.GreetAsync(RawPeer.Hello with { Party = as_, Session = id, Epoch = 999, Wanted = _honest.HqOptions.Self.Instance });
            Assert.Equal((LinkVerdict.UnknownSession, "no such session", null), (answer.Verdict!.Value, answer.VerdictText, answer.Session));
            Assert.True(session.IsUp);
        }
    }

    [Fact]
    public async Task A_replayed_resume_is_refused_by_its_epoch()
    {
        var session = _honest.Hq;
        await using var replay = new RawPeer(_acceptor);
        var answer = await replay.GreetAsync(RawPeer.Hello with { Party = session.PeerParty, Session = session.Id, Epoch = session.Epoch, Wanted = _honest.HqOptions.Self.Instance });
        Assert.Equal(LinkVerdict.Refused, answer.Verdict);
        Assert.Contains("epoch", answer.VerdictText, StringComparison.Ordinal);
        Assert.True(session.IsUp);
    }

    [Fact]
    public async Task Another_instance_gives_no_verdict_about_a_session()
    {
        await using var peer = new RawPeer(_acceptor);
        var answer = await peer.GreetAsync(RawPeer.Hello with { Session = Guid.NewGuid(), Epoch = 2, Wanted = Guid.NewGuid() });
        Assert.Equal(LinkVerdict.NotMine, answer.Verdict);
    }

    [Fact]
    public async Task A_newer_generation_evicts_its_own_ghost_only()
    {
        var directory = new LinkDirectory();
        var acceptor = new LinkAcceptor(_honest.HqOptions, directory, null);
        await using var old = new RawPeer(acceptor);
        await old.GreetAsync();
        await using var replica = new RawPeer(acceptor);
        await replica.GreetAsync(RawPeer.Hello with { Party = RawPeer.Party with { Instance = Guid.NewGuid() } });
        await using var other = new RawPeer(acceptor, "other");
        await other.GreetAsync();
        await using var draining = new RawPeer(acceptor);
        await draining.GreetAsync();
        await draining.SendAsync(LinkFrameType.GoAway, 0);
        await Eventually.TrueAsync(() => directory.All().Any(s => s.Session.IsPeerDraining), () => "GO-AWAY is not heard");
        await using var successor = new RawPeer(acceptor);
        await successor.GreetAsync(RawPeer.Hello with { Party = RawPeer.Party with { Generation = 2 } });

        var (_, close) = await old.ReadAsync(LinkFrameType.Close);
        Assert.Equal(CloseReason.LinkPeerRestarted, LinkFrame.ReadReason(close).Reason);
        await old.Served.WaitAsync(Eventually.Deadline);
        await Eventually.TrueAsync(() => directory.All().Count == 4, () => "the ghost stayed, or somebody else went");
        Assert.All(directory.All(), s => Assert.True(s.Session.IsUp));
    }

    [Fact]
    public async Task A_newer_generation_spares_the_one_whose_place_it_took()
    {
        var directory = new LinkDirectory();
        var acceptor = new LinkAcceptor(_honest.HqOptions, directory, null);
        await using var old = new RawPeer(acceptor);
        await old.GreetAsync();
        await using var successor = new RawPeer(acceptor);
        await successor.GreetAsync(RawPeer.Hello with { Party = RawPeer.Party with { Generation = 3, Oldest = RawPeer.Party.Generation } });
        Assert.Equal(2, directory.All().Count);
        await using var restarted = new RawPeer(acceptor);
        await restarted.GreetAsync(RawPeer.Hello with { Party = RawPeer.Party with { Generation = 4 } });
        await Eventually.TrueAsync(() => directory.All().Count == 1, () => "a restart left ghosts");
    }

    [Fact]
    public async Task A_session_that_its_dialler_gave_up_ends_at_once()
    {
        var directory = new LinkDirectory();
        var acceptor = new LinkAcceptor(_honest.HqOptions, directory, null);
        await using var peer = new RawPeer(acceptor);
        var id = (await peer.GreetAsync()).Session;
        await using var thief = new RawPeer(acceptor, "mallory");
        await thief.GreetAsync(RawPeer.Hello with { GivenUp = id });
        Assert.Equal(2, directory.All().Count);
        await using var again = new RawPeer(acceptor);
        await again.GreetAsync(RawPeer.Hello with { GivenUp = id });
        await peer.ReadAsync(LinkFrameType.Close);
    }
}
