using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Licensing;

/// <summary>
/// Conversations that no server and no client would hold, in pieces of any size. Whatever they say passes byte for byte, and a port is opened only for a
/// redirect that is whole and answers a hello. Each case is made from its number; JUNCTION_FUZZ_CASES sets how many are tried.
/// </summary>
public sealed class FlexLmFollowerFuzzTests
{
    private static readonly int Cases =
        int.TryParse(Environment.GetEnvironmentVariable("JUNCTION_FUZZ_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : 5_000;

    private static readonly byte[] Hello = FlexLmVectors.Bytes(FlexLmVectors.AliceHello);
    private static readonly byte[] Redirect = FlexLmVectors.Bytes(FlexLmVectors.RedirectToLic);

    [Fact]
    public async Task Everything_passes_and_nothing_is_opened_that_was_not_redirected_to()
    {
        var opened = 0;
        for (var number = 0; number < Cases; number++)
        {
            try
            {
                opened += await RunAsync(new Random(number));
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }

        Assert.True(opened > Cases / 10, $"only {opened} ports were opened in {Cases} cases");
    }

    private static async Task<int> RunAsync(Random random)
    {
        var opened = new List<FlexLmRedirect>();
        var asks = random.Next(4) > 0;
        byte[] said = asks ? [.. Hello, .. Noise(random)] : Noise(random);
        var (answers, redirects) = Answers(random);
        var follower = new FlexLmFollower(
            _ => { }, (_, redirect) => Opened(opened, redirect), _ => { }, new ManualTime());
        Assert.Equal(said, await PassAsync(random, said, p => follower.Client(new PipeConnection(p)).Input));
        Assert.Equal(answers, await PassAsync(random, answers, p => follower.Target(new PipeConnection(p)).Input));

        // One hello, one redirect: the first that stood where a message begins, before anything that was none.
        Assert.True(opened.Count <= (asks && redirects > 0 ? 1 : 0), $"{opened.Count} opened of {redirects}, {(asks ? "asked" : "not asked")}");
        Assert.All(opened, r => Assert.Equal(("lic.example.org", 40000), (r.Host, r.Port)));
        return opened.Count;
    }

    private static RedirectVerdict Opened(List<FlexLmRedirect> opened, FlexLmRedirect redirect)
    {
        opened.Add(redirect);
        return new RedirectVerdict(redirect);
    }

    // Redirects, other frames, damaged ones, halves and noise, in any order; and how many whole redirects come before the first damage.
    private static (byte[] Bytes, int Redirects) Answers(Random random)
    {
        var bytes = new List<byte>();
        var (redirects, isDamaged) = (0, false);
        for (var parts = random.Next(5); parts >= 0; parts--)
        {
            switch (random.Next(6))
            {
                case 0 or 1:
                    bytes.AddRange(Redirect);
                    redirects += isDamaged ? 0 : 1;
                    break;
                case 2 or 3:
                    bytes.AddRange(new FlexLmFrame { Type = (ushort)random.Next(0x100, 0x200) is FlexLmRedirect.FrameType ? (ushort)1 : (ushort)2, Payload = new byte[random.Next(600)] }.ToBytes());
                    break;
                case 4:
                    var damaged = Redirect.ToArray();
                    damaged[random.Next(damaged.Length)] ^= (byte)(1 + random.Next(255));
                    bytes.AddRange(damaged);
                    isDamaged = true;
                    break;
                default:
                    var noise = Noise(random);
                    bytes.AddRange(noise);
                    isDamaged |= noise.Length > 0;
                    break;
            }
        }

        return ([.. bytes], redirects);
    }

    private static byte[] Noise(Random random)
    {
        var noise = new byte[random.Next(60)];
        random.NextBytes(noise);
        return noise;
    }

    private static async Task<byte[]> PassAsync(Random random, byte[] bytes, Func<Pipe, PipeReader> follow)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
        var reader = follow(pipe);
        var read = reader.ReadAsync().AsTask();
        var heard = new List<byte>();
        for (var at = 0; at <= bytes.Length;)
        {
            var piece = Math.Min(1 + random.Next(random.Next(3) == 0 ? 3 : 200), bytes.Length - at);
            if (piece == 0) await pipe.Writer.CompleteAsync();
            else await pipe.Writer.WriteAsync(bytes.AsMemory(at, piece));
            at = piece == 0 ? bytes.Length + 1 : at + piece;
            // Now and then more than one piece is on its way before anybody looks.
            if (piece > 0 && random.Next(3) == 0)
                continue;
            while (read.IsCompleted || piece == 0)
            {
                var result = await read.WaitAsync(Eventually.Deadline);
                // Not always all of it at once.
                var taken = result.Buffer.Length > 1 && random.Next(4) == 0 ? result.Buffer.Slice(0, 1 + random.Next((int)result.Buffer.Length - 1)) : result.Buffer;
                heard.AddRange(taken.ToArray());
                reader.AdvanceTo(taken.End);
                if (result.IsCompleted && taken.Length == result.Buffer.Length)
                    return [.. heard];
                read = reader.ReadAsync().AsTask();
            }
        }

        throw new InvalidOperationException("the end was never read");
    }
}
