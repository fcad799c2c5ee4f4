using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>Two sessions whose frames go from one to the other when the test says so, on its own thread: neither transports nor a clock.</summary>
internal sealed class FrameWire : IDisposable
{
    private readonly LinkListener _listener = new("hq");
    private readonly LinkSession _cloud;
    private readonly LinkSession _hq;
    private readonly LinkReader _atCloud = new();
    private readonly LinkReader _atHq = new();
    private readonly byte[] _batch = new byte[128 * 1024];

    public FrameWire()
    {
        var time = new ManualTime();
        _cloud = Session("cloud", "hq", isDialler: true, null);
        _hq = Session("hq", "cloud", isDialler: false, _listener);

        LinkSession Session(string self, string peer, bool isDialler, LinkListener? listener)
        {
            // A window that stays small is told of often.
            var options = new LinkOptions { Self = new LinkParty(self, Guid.Empty, 1), Log = new QuietLog(), Time = time, BudgetBytes = 64 * 1024 };
            return new LinkSession(Guid.Empty, isDialler, options, new LinkHello { Party = new LinkParty(peer, Guid.Empty, 1), Limits = options.Limits }, null, listener);
        }
    }

    /// <summary>Those of streams, in both directions; an OPEN and a CREDIT that go together count as one.</summary>
    public int Frames { get; private set; }

    public async Task<(LinkStream Opener, LinkStream Taker)> OpenAsync()
    {
        Assert.True(_cloud.TryOpen(LinkPair.Open(), out var opener, out _));
        Carry();
        return (opener, Assert.IsType<LinkStream>(await _listener.AcceptAsync()));
    }

    /// <summary>Carries what is due until nothing is.</summary>
    public void Carry()
    {
        while (Carry(_cloud, _hq, _atHq) | Carry(_hq, _cloud, _atCloud))
        {
        }
    }

    public void Dispose()
    {
        _cloud.End(CloseReason.Stopping);
        _hq.End(CloseReason.Stopping);
    }

    private bool Carry(LinkSession from, LinkSession to, LinkReader reader)
    {
        var any = false;
        while (from.Outbox.TryTake(out var stream, out var isControl))
        {
            var more = false;
            LinkSegment? direct = null;
            var length = isControl ? stream.WriteControl(_batch) : stream.WriteData(_batch, out direct, out _, out more);
            Assert.Null(direct);   // what is large is written from where it lies, which is not tried here
            if (more)
                from.EnqueueData(stream);
            if (length == 0)
                continue;
            any = true;
            Frames++;
            Assert.Null(reader.Apply(_batch.AsSpan(0, length), to));
            to.TellNews();
        }

        return any;
    }
}
