using System.IO.Pipelines;
using JunctionRelay.App.Demo;
using JunctionRelay.Connections;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Licensing;

/// <summary>Reading along in one conversation: what passes when, and what is learnt.</summary>
public sealed class FlexLmFollowerTests
{
    private static readonly byte[] Hello = FlexLmVectors.Bytes(FlexLmVectors.AliceHello);
    private static readonly byte[] Redirect = FlexLmVectors.Bytes(FlexLmVectors.RedirectToLic);
    private static readonly byte[] Other = new FlexLmFrame { Type = 0x0146, Payload = new byte[3000] }.ToBytes();

    [Fact]
    public async Task A_redirect_passes_unchanged_after_its_port_is_open()
    {
        var talk = new Talk();
        await talk.SayAsync(Hello);
        await talk.AnswerAsync(Redirect);
        Assert.Equal(Redirect, await talk.HearAsync(Redirect.Length));
        Assert.Equal(["alice node01 demod 4242 → lic.example.org:40000"], talk.Redirects);
        Assert.Empty(talk.Lost);
    }

    /// <summary>The conversation that was captured and published (<see cref="PublishedPacketTests"/>) and others like it, in the simulator's own words and split anywhere.</summary>
    [Fact]
    public async Task What_the_simulator_says_in_its_own_words_is_followed()
    {
        var random = new Random(6);
        for (var round = 0; round < 200; round++)
        {
            var hello = round == 0 ? new WireHello { User = "frey", Host = "login01", Vendor = "MLM", Display = "/dev/pts/73", ProcessId = "35174" }
                : new WireHello { User = $"user{round}", Host = $"node{random.Next()}", Vendor = $"ven{random.Next(1000)}", ProcessId = $"{random.Next()}" };
            var redirect = round == 0 ? new WireRedirect("mathworks.lm.udel.edu", 40000) : new WireRedirect($"lic{random.Next()}.example.org", random.Next(1, 65536));
            var talk = new Talk();
            foreach (var piece in hello.ToBytes().Chunk(random.Next(1, 148))) await talk.SayAsync(piece);
            foreach (var piece in redirect.ToBytes().Chunk(random.Next(1, 60))) await talk.AnswerAsync(piece);
            Assert.Equal(redirect.ToBytes(), await talk.HearAsync(redirect.ToBytes().Length));
            Assert.Equal([$"{hello.User} {hello.Host} {hello.Vendor} {hello.ProcessId} → {redirect.Host}:{redirect.Port}"], talk.Redirects);
            Assert.Empty(talk.Lost);
        }
    }

    [Fact]
    public async Task Nothing_of_a_redirect_passes_before_its_port_is_open()
    {
        var talk = new Talk();
        await talk.SayAsync(Hello);
        for (var i = 0; i < Redirect.Length - 1; i++)
        {
            await talk.AnswerAsync([Redirect[i]]);
            Assert.Empty(talk.Redirects);
        }

        var heard = talk.HearAsync(1);
        Assert.False(heard.IsCompleted);
        await talk.AnswerAsync([Redirect[^1]]);
        Assert.Equal(Redirect[0], Assert.Single(await heard));
        Assert.Single(talk.Redirects);
        Assert.Equal(Redirect[1..], await talk.HearAsync(Redirect.Length - 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(4000)]
    public async Task Everything_arrives_in_order_however_it_is_split(int piece)
    {
        var talk = new Talk();
        byte[] said = [.. Hello, .. Other, .. Hello, 1, 2, 3];
        byte[] answered = [.. Other, .. Redirect, .. Other, .. Redirect, .. "whatever"u8];
        await Piecewise(said, piece, talk.SayAsync);
        Assert.Equal(said, talk.AtTarget());
        var heard = talk.HearAsync(answered.Length);
        await Piecewise(answered, piece, talk.AnswerAsync);
        Assert.Equal(answered, await heard);
        // The second hello came before the first answer: one redirect answers it.
        Assert.Single(talk.Redirects);
    }

    [Fact]
    public async Task Each_hello_gets_one_redirect()
    {
        var talk = new Talk();
        for (var i = 0; i < 3; i++)
        {
            await talk.SayAsync(Hello);
            await talk.AnswerAsync(Redirect);
            await talk.HearAsync(Redirect.Length);
        }

        Assert.Equal(3, talk.Redirects.Count);
        Assert.Empty(talk.Lost);
    }

    [Fact]
    public async Task A_second_redirect_in_one_segment_passes_and_opens_nothing()
    {
        var talk = new Talk();
        await talk.SayAsync(Hello);
        var second = (FlexLmRedirect.Parse(Redirect).Message! with { Port = 22 }).ToBytes();
        await talk.AnswerAsync([.. Redirect, .. second]);
        byte[] both = [.. Redirect, .. second];
        Assert.Equal(both, await talk.HearAsync(both.Length));
        Assert.Equal(["alice node01 demod 4242 → lic.example.org:40000"], talk.Redirects);
        Assert.Equal(["a redirect that answers no hello"], talk.Lost);
    }

    public static TheoryData<string, string, byte[]> NotRedirects => new()
    {
        { "wrong CRC", "CRC", Damaged(r => r[25] ^= 1) },
        { "wrong check byte", "check byte", Damaged(r => r[1] ^= 1) },
        { "length 0", "claims 0 bytes", Framed(r => (r[4], r[5]) = (0, 0)) },
        { "length 65535", "a redirect of 65535 bytes", Framed(r => (r[4], r[5]) = (0xff, 0xff)) },
        { "host of 300 bytes", "host name has 300 characters", Payload([.. Enumerable.Repeat((byte)'h', 300), 0, 0, 0, 0x9c, 0x40]) },
        { "no host", "host name has 0 characters", Payload([0, 0, 0, 0x9c, 0x40]) },
        { "a host that is none", "0x0a", Payload([.. "a\nb"u8, 0, 0, 0, 0x9c, 0x40]) },
        { "no end of the host", "ends before its port", Payload([.. "lic.example.org"u8]) },
        { "port 0", "port 0 is out of range", Payload([.. "lic"u8, 0, 0, 0, 0, 0]) },
        { "port 70000", "port 70000 is out of range", Payload([.. "lic"u8, 0, 0, 1, 0x11, 0x70]) },
        { "a long tail", "300 bytes follow", Payload([.. "lic"u8, 0, 0, 0, 0x9c, 0x40, .. new byte[300]]) },
        { "HTTP", "a frame begins with 0x2f, not 0x48", "HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray() },
        { "old framing", "a frame begins with 0x2f, not 0x57", [.. "W?-60\0"u8, .. new byte[141]] },
    };

    [Theory, MemberData(nameof(NotRedirects))]
    public async Task What_is_no_redirect_passes_untouched_and_opens_nothing(string what, string why, byte[] bytes)
    {
        var talk = new Talk();
        await talk.SayAsync(Hello);
        // And what follows it, too: who was once not understood is not listened to any more.
        byte[] all = [.. bytes, .. Redirect];
        await talk.AnswerAsync(all);
        Assert.Equal(all, await talk.HearAsync(all.Length));
        Assert.True(talk.Redirects.Count == 0, what);
        Assert.Contains(why, Assert.Single(talk.Lost), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_without_a_hello_opens_nothing()
    {
        var talk = new Talk();
        await talk.SayAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray());
        await talk.AnswerAsync(Redirect);
        Assert.Equal(Redirect, await talk.HearAsync(Redirect.Length));
        Assert.Empty(talk.Redirects);
        Assert.Contains("0x47", Assert.Single(talk.Lost), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_that_answers_a_hello_without_a_vendor_opens_nothing()
    {
        var talk = new Talk();
        await talk.SayAsync((FlexLmVectors.Alice with { Vendor = "" }).ToBytes());
        await talk.AnswerAsync(Redirect);
        Assert.Equal(Redirect, await talk.HearAsync(Redirect.Length));
        Assert.Empty(talk.Redirects);
    }

    [Fact]
    public async Task A_redirect_that_stops_in_the_middle_passes_after_a_while()
    {
        var talk = new Talk();
        await talk.SayAsync(Hello);
        await talk.AnswerAsync(Redirect[..30]);
        var heard = talk.HearAsync(30);
        while (!heard.IsCompleted)
        {
            talk.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1);
        }

        Assert.Equal(Redirect[..30], await heard);
        Assert.Equal(["a message stopped after 30 bytes and did not go on for 5 s"], talk.Lost);
        byte[] rest = [.. Redirect[30..], .. Other];
        await talk.AnswerAsync(rest);
        Assert.Equal(rest, await talk.HearAsync(rest.Length));
        Assert.Empty(talk.Redirects);
    }

    [Fact]
    public async Task The_end_of_a_conversation_is_passed_on_with_what_was_held()
    {
        var talk = new Talk();
        await talk.SayAsync(Hello);
        await talk.AnswerAsync(Redirect[..30]);
        await talk.EndAnswersAsync();
        Assert.Equal(Redirect[..30], await talk.HearAsync(30));
        Assert.True(await talk.HearsTheEndAsync());
        Assert.Empty(talk.Redirects);
    }

    [Fact]
    public async Task A_refused_redirect_ends_the_conversation_with_the_reason()
    {
        var talk = new Talk { Verdict = _ => new RedirectVerdict(null, CloseReason.NotPermitted, "not here") };
        await talk.SayAsync(Hello);
        await talk.AnswerAsync([.. Other, .. Redirect]);
        Assert.Equal(Other, await talk.HearAsync(Other.Length));
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => talk.HearAsync(1));
        Assert.Equal((CloseReason.NotPermitted, "not here"), (broken.Told, broken.Detail));
    }

    [Fact]
    public async Task A_changed_redirect_passes_in_place_of_the_first()
    {
        var talk = new Talk { Verdict = r => new RedirectVerdict(r with { Host = "relay.example.net", Port = 27101 }) };
        await talk.SayAsync(Hello);
        await talk.AnswerAsync([.. Redirect, .. Other]);
        byte[] expected = [.. FlexLmVectors.Bytes(FlexLmVectors.RedirectToRelay), .. Other];
        Assert.Equal(expected, await talk.HearAsync(expected.Length));
    }

    [Fact]
    public async Task Of_a_vendor_daemon_s_conversation_only_the_hello_is_read()
    {
        var talk = new Talk(isVendor: true);
        await talk.SayAsync([.. Hello, .. "anything at all"u8]);
        Assert.Equal("alice", talk.Hello?.User);
        byte[] answer = [.. Redirect, 1, 2, 3];
        await talk.AnswerAsync(answer);
        Assert.Equal(answer, await talk.HearAsync(answer.Length));
        Assert.Empty(talk.Redirects);
        Assert.Empty(talk.Lost);
    }

    [Fact]
    public async Task A_client_that_speaks_late_or_in_pieces_is_not_held_back()
    {
        var talk = new Talk();
        await talk.SayAsync(Hello[..10]);
        Assert.Equal(Hello[..10], talk.AtTarget());
        await talk.SayAsync(Hello[10..]);
        Assert.Equal(Hello[10..], talk.AtTarget());
        Assert.Equal("node01", talk.Hello?.Host);
    }

    private static async Task Piecewise(byte[] bytes, int piece, Func<byte[], Task> write)
    {
        foreach (var chunk in bytes.Chunk(piece))
            await write(chunk);
    }

    private static byte[] Damaged(Action<byte[]> damage)
    {
        var bytes = Redirect.ToArray();
        damage(bytes);
        return bytes;
    }

    // Damaged, with sums that are right again: what a wrong length alone does.
    private static byte[] Framed(Action<byte[]> damage)
    {
        var bytes = Damaged(damage);
        var crc = FlexLmChecksum.Crc(bytes.AsSpan(4));
        (bytes[2], bytes[3]) = ((byte)(crc >> 8), (byte)crc);
        bytes[1] = FlexLmChecksum.CheckByte(bytes.AsSpan(0, FlexLmFrame.HeaderBytes));
        return bytes;
    }

    private static byte[] Payload(byte[] payload) => new FlexLmFrame { Type = FlexLmRedirect.FrameType, Payload = payload }.ToBytes();

    /// <summary>A conversation in memory with a follower in the middle.</summary>
    private sealed class Talk
    {
        private readonly Pipe _fromClient = new(new PipeOptions(pauseWriterThreshold: 0));
        private readonly Pipe _fromTarget = new(new PipeOptions(pauseWriterThreshold: 0));
        private readonly PipeReader _client;
        private readonly PipeReader _target;
        private readonly List<byte> _atTarget = [];

        public Talk(bool isVendor = false)
        {
            var follower = new FlexLmFollower(h => Hello = h, isVendor ? null : Redirected, Lost.Add, Time);
            _client = follower.Client(new PipeConnection(_fromClient)).Input;
            _target = follower.Target(new PipeConnection(_fromTarget)).Input;
        }

        public FlexLmHello? Hello { get; private set; }
        public ManualTime Time { get; } = new();
        public List<string> Redirects { get; } = [];
        public List<string> Lost { get; } = [];
        public Func<FlexLmRedirect, RedirectVerdict> Verdict { get; init; } = r => new RedirectVerdict(r);

        /// <summary>The client says something, and the target hears all of it.</summary>
        public async Task SayAsync(byte[] bytes)
        {
            await _fromClient.Writer.WriteAsync(bytes);
            _atTarget.AddRange(await ReadAsync(_client, bytes.Length));
        }

        public async Task AnswerAsync(byte[] bytes) => await _fromTarget.Writer.WriteAsync(bytes);

        public async Task EndAnswersAsync() => await _fromTarget.Writer.CompleteAsync();

        /// <summary>What has come to the target since it was last asked for.</summary>
        public byte[] AtTarget()
        {
            var bytes = _atTarget.ToArray();
            _atTarget.Clear();
            return bytes;
        }

        public Task<byte[]> HearAsync(int count) => ReadAsync(_target, count);

        public async Task<bool> HearsTheEndAsync()
        {
            var read = await _target.ReadAsync();
            return read is { IsCompleted: true, Buffer.IsEmpty: true };
        }

        private static async Task<byte[]> ReadAsync(PipeReader from, int count)
        {
            var heard = new List<byte>();
            while (heard.Count < count)
            {
                var read = await from.ReadAsync().AsTask().WaitAsync(Eventually.Deadline);
                var wanted = read.Buffer.Slice(0, Math.Min(count - heard.Count, read.Buffer.Length));
                foreach (var segment in wanted)
                    heard.AddRange(segment.ToArray());
                from.AdvanceTo(wanted.End);
                Assert.False(read.IsCompleted && heard.Count < count, "it ended too early");
            }

            return [.. heard];
        }

        private RedirectVerdict Redirected(FlexLmHello hello, FlexLmRedirect redirect)
        {
            Redirects.Add($"{hello.User} {hello.Host} {hello.Vendor} {hello.ProcessId} → {redirect.Host}:{redirect.Port}");
            return Verdict(redirect);
        }
    }
}
