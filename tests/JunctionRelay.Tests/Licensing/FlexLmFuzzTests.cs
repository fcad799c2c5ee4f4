using System.Globalization;
using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

/// <summary>The same hostile bytes on every run: a failure names the case, and the seed brings it back. JUNCTION_FUZZ_CASES sets how many are tried.</summary>
public sealed class FlexLmFuzzTests
{
    private const int Seed = 27000;

    private static readonly int Cases =
        int.TryParse(Environment.GetEnvironmentVariable("JUNCTION_FUZZ_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : 200_000;

    [Fact]
    public void No_bytes_whatever_throw_or_contradict_themselves()
    {
        byte[][] seeds = [FlexLmVectors.Bytes(FlexLmVectors.AliceHello), FlexLmVectors.Bytes(FlexLmVectors.RedirectToLic), new FlexLmServerAnswer("lic.example.org", "demod").ToFrame().ToBytes()];
        var random = new Random(Seed);
        var states = new int[3];
        var buffer = new byte[200];
        for (var i = 0; i < Cases; i++)
        {
            var bytes = Mutate(random, seeds[i % seeds.Length], buffer);

            states[(int)Consistent(i, bytes, FlexLmHello.Parse)]++;
            states[(int)Consistent(i, bytes, FlexLmFrame.Parse)]++;
            states[(int)Consistent(i, bytes, FlexLmRedirect.Parse)]++;

            // Whatever is accepted means the same when written again.
            var frame = FlexLmFrame.Parse(bytes);
            if (frame.State == FlexLmParseState.Parsed)
                Assert.True(bytes[..frame.Bytes].SequenceEqual(frame.Message!.ToBytes()), $"case {i}: the frame changed");
            if (frame.Message is not null && FlexLmServerAnswer.Read(frame.Message) is { } answer)
                Assert.Equal(answer, FlexLmServerAnswer.Read(answer.ToFrame()));
            if (FlexLmRedirect.Parse(bytes) is { State: FlexLmParseState.Parsed } redirect)
                Assert.True(bytes[..redirect.Bytes].SequenceEqual(redirect.Message!.ToBytes()), $"case {i}: the redirect changed");
        }

        // The loop must reach every outcome, or it proves little.
        Assert.All(states, count => Assert.True(count > Cases / 100, $"outcomes: {string.Join(", ", states)}"));
    }

    private delegate FlexLmParse<T> Parser<T>(ReadOnlySpan<byte> bytes) where T : class;

    private static FlexLmParseState Consistent<T>(int i, ReadOnlySpan<byte> bytes, Parser<T> parser) where T : class
    {
        var parse = parser(bytes);
        var consistent = parse.State switch
        {
            FlexLmParseState.NeedMore => parse.Bytes > bytes.Length && parse.Bytes <= FlexLmFrame.MaxBytes && parse.Message is null,
            FlexLmParseState.Parsed => parse.Bytes <= bytes.Length && parse.Message is not null && parser(bytes[..(parse.Bytes - 1)]).State == FlexLmParseState.NeedMore,
            _ => !string.IsNullOrEmpty(parse.Why) && parse.Message is null,
        };
        Assert.True(consistent, $"case {i}: {parse}");
        return parse.State;
    }

    // Noise, noise behind a right first byte, cut or damaged originals, and originals whose sums were mended after the damage.
    private static ReadOnlySpan<byte> Mutate(Random random, byte[] seed, byte[] buffer)
    {
        var kind = random.Next(4);
        if (kind <= 1)
        {
            var noise = buffer.AsSpan(0, random.Next(buffer.Length));
            random.NextBytes(noise);
            if (kind == 1 && noise.Length > 0)
                noise[0] = seed[0];
            return noise;
        }

        seed.CopyTo(buffer.AsSpan());
        var bytes = buffer.AsSpan(0, seed.Length);
        for (var damage = random.Next(3); damage > 0; damage--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        if (kind == 2)
            return bytes[..random.Next(bytes.Length + 1)];

        if (seed[0] == 0x2f)
        {
            var crc = FlexLmChecksum.Crc(bytes[4..]);
            (bytes[2], bytes[3]) = ((byte)(crc >> 8), (byte)crc);
            bytes[1] = FlexLmChecksum.CheckByte(bytes[..20]);
        }
        else
            bytes[1] = FlexLmChecksum.CheckByte(bytes);
        return bytes;
    }
}
