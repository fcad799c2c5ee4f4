using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>
/// Bytes that no peer of ours would send. Each case is made from its number, so a failure names all that is needed to see it again. JUNCTION_FUZZ_CASES
/// sets how many are tried.
/// </summary>
public sealed class LinkFuzzTests
{
    // A case, whatever it was that once went wrong, stays here.
    private static readonly int[] Kept = [];

    private static readonly string[] Listens = ["localhost:6000", "*:0", "10.0.0.7:65535", "[fe80::1%1]:22", "unix:/run/x.sock"];

    private static readonly LinkOptions Options = new()
    {
        Self = new LinkParty("hq", Guid.Empty, 1),
        Log = new QuietLog(),
        MaxStreams = 20,
        BudgetBytes = 1024 * 1024,
        InitialWindow = 2048,
    };

    [Fact]
    public void Frames_of_any_kind_never_throw()
    {
        foreach (var number in Kept.Concat(Enumerable.Range(0, Fuzz.Cases)))
        {
            try
            {
                RunFrames(new Random(number));
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }
    }

    [Fact]
    public void Messages_of_any_bytes_never_throw()
    {
        var bytes = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes];
        var read = 0;
        for (var number = 0; number < Fuzz.Cases; number++)
        {
            var random = new Random(number);
            var length = number % 2 == 0
                ? new LinkHello { Party = Options.Self, Limits = Options.Limits, Session = Guid.Empty, Verdict = LinkVerdict.New }.Write(bytes)
                : new LinkOpen("service", Guid.Empty, "1.2.3.4:5", ["a", "b"]) { VendorPort = 40000, Destination = "c:1", IsHeld = true, IsCompressed = true, Listen = Listens[number % Listens.Length] }.Write(bytes, 1);
            var payload = bytes.AsSpan(LinkFrame.HeaderBytes, length - LinkFrame.HeaderBytes).ToArray();
            for (var change = random.Next(4); change >= 0; change--)
                payload[random.Next(payload.Length)] = (byte)random.Next(256);
            payload = payload[..random.Next(payload.Length + 1)];
            _ = LinkHello.Read(payload);
            // What it asks us to listen on is read by another parser, and comes from the same stranger.
            if (LinkOpen.Read(payload).Open?.Listen is { } listen)
                read += ListenWish.Read(listen) is { } wish && wish.EndPoints.Count is 1 or 2 ? 1 : 0;
        }

        Assert.True(read > Fuzz.Cases / 200, $"only {read} of the addresses to listen on were any");
    }

    private static void RunFrames(Random random)
    {
        var hello = new LinkHello { Party = new LinkParty("cloud", Guid.Empty, 1), Limits = new LinkLimits(20, 2048, 1000) };
        var session = new LinkSession(Guid.Empty, isDialler: false, Options, hello, null, random.Next(4) == 0 ? null : new LinkListener("hq"));
        session.TryOpen(LinkPair.Open("reverse"), out var ours, out _);
        var reader = new LinkReader();
        if (random.Next(4) == 0)
            Resume(session);
        var writing = Task.CompletedTask;
        var next = 1u;
        var sent = new Dictionary<uint, long>();
        for (var step = random.Next(1, 30); step > 0; step--)
        {
            if (random.Next(30) == 0)
            {
                Resume(session);
                reader = new LinkReader();
            }

            // Before KNOWN hardly anything else may come.
            var bytes = session.AwaitsKnown && random.Next(8) > 0 ? Known(random, next, sent) : Next(random, ref next, sent);
            for (var done = 0; done < bytes.Length;)
            {
                var piece = random.Next(1, bytes.Length - done + 1);
                if (reader.Apply(bytes.AsSpan(done, piece), session) is not null)
                {
                    session.End(CloseReason.LinkViolation);
                    return;
                }

                done += piece;
                if (random.Next(2) == 0)
                    session.TellNews();
            }

            if (random.Next(5) == 0 && ours is { IsOver: false } && writing.IsCompleted)
                writing = ours.Output.WriteAsync(new byte[random.Next(1, 3000)]).AsTask();
            if (random.Next(20) == 0)
                ours?.Abort(CloseReason.ClientReset);
            Pump(session);
        }

        session.End(CloseReason.Stopping);
    }

    // What a new transport does.
    private static void Resume(LinkSession session)
    {
        _ = session.State();
        session.BeginEpoch(isResume: true);
        session.Outbox.Begin(EngineTurn.Share(), held: true);
    }

    private static byte[] Known(Random random, uint next, Dictionary<uint, long> sent)
    {
        var bytes = new byte[LinkFrame.HeaderBytes + 8 + 4 * LinkFrame.KnownEntryBytes];
        var entries = random.Next(5);
        var length = LinkFrame.WriteKnownHeader(bytes, entries, random.Next(3) > 0, (uint)random.Next(6));
        for (var i = 0; i < entries; i++)
        {
            var id = random.Next(3) == 0 ? 2u : (uint)random.Next(1, (int)next + 2);
            var received = random.Next(3) == 0 ? random.NextInt64() : random.Next(3000);
            length += LinkFrame.WriteKnownEntry(bytes.AsSpan(length), id, new KnownStream(random.Next(5) == 0, received, random.Next(2) * received, received + sent.GetValueOrDefault(id) + 2048));
        }

        if (random.Next(6) == 0)
            bytes[random.Next(length)] ^= (byte)(1 << random.Next(8));
        return bytes[..length];
    }

    // What the writer of a transport does, without one.
    private static void Pump(LinkSession session)
    {
        var batch = new byte[64 * 1024];
        session.Outbox.WriteSessionFrames(batch, out _);
        while (session.Outbox.TryTake(out var stream, out var control))
        {
            if (control)
            {
                stream.WriteControl(batch);
                continue;
            }

            stream.WriteData(batch, out var segment, out _, out var more);
            if (segment is not null)
                stream.Unpin(segment);
            if (more)
                session.Outbox.EnqueueData(stream);
        }
    }

    private static byte[] Next(Random random, ref uint next, Dictionary<uint, long> sent)
    {
        byte[] bytes;
        var stream = random.Next(6) == 0 ? (uint)random.Next(12) : Math.Max(1, next - 2 * (uint)random.Next(1, 4));
        switch (random.Next(12))
        {
            case 0 or 1 or 2:
                bytes = RawPeer.Open(next);
                next += 2;
                break;
            case 3 or 4 or 5:
                var length = random.Next(1, 900);
                var offset = sent.GetValueOrDefault(stream);
                sent[stream] = offset + length;
                bytes = RawPeer.Data(stream, offset, new byte[length]);
                break;
            case 6:
                bytes = RawPeer.Credit(stream, random.Next(3), random.Next(2), 2048 + random.Next(5000));
                break;
            case 7:
                var end = new byte[16];
                LinkFrame.WriteNumber(end, LinkFrameType.End, stream, sent.GetValueOrDefault(stream));
                bytes = end;
                break;
            case 8:
                bytes = RawPeer.Frame(LinkFrameType.Reset, stream, 0, (byte)random.Next(256), (byte)'x');
                break;
            case 9:
                bytes = RawPeer.Frame(LinkFrameType.Gone, stream);
                break;
            case 10:
                bytes = RawPeer.Frame((LinkFrameType)random.Next(0, 16), (uint)random.Next(3), new byte[random.Next(100)]);
                break;
            default:
                bytes = new byte[random.Next(1, 60)];
                random.NextBytes(bytes);
                break;
        }

        // One in four is damaged.
        if (random.Next(4) == 0)
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        return bytes;
    }
}
