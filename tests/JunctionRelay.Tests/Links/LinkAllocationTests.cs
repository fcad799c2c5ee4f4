using System.Diagnostics.CodeAnalysis;

namespace JunctionRelay.Tests.Links;

/// <summary>
/// What a frame costs the collector: nothing, or thousands of small messages a second would stop everybody's. DATA and CREDIT between sessions and streams, with a reader that
/// waits as a splice does; what TLS and sockets add, the benchmarks tell.
/// </summary>
public sealed class LinkAllocationTests
{
    private const int Rounds = 20_000;

    [Fact]
    [SuppressMessage("Reliability", "CA2012:Use ValueTasks correctly", Justification = "each is used once, and whether it has completed is what is asked")]
    public async Task DATA_and_CREDIT_allocate_nothing_on_their_way()
    {
        using var wire = new FrameWire();
        var (opener, taker) = await wire.OpenAsync();
        var (message, received) = (new byte[150], 0L);
        for (var i = 0; i < 1_000; i++)
            Send();

        (var framesBefore, received) = (wire.Frames, 0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
            Send();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(Rounds * (long)message.Length, received);
        // DATA for each message, and a CREDIT for each quarter of a window.
        Assert.InRange(wire.Frames - framesBefore, Rounds + 100, 2 * Rounds);
        Assert.True(allocated < Rounds, $"{allocated} bytes for {wire.Frames - framesBefore} frames");

        void Send()
        {
            var reading = taker.Input.ReadAsync();
            Assert.False(reading.IsCompleted);
            var written = opener.Output.WriteAsync(message);
            Assert.True(written.IsCompletedSuccessfully);
            wire.Carry();
            Assert.True(reading.IsCompletedSuccessfully);
            var read = reading.Result;
            received += read.Buffer.Length;
            taker.Input.AdvanceTo(read.Buffer.End);
            wire.Carry();
        }
    }
}
