using System.Text;
using JunctionRelay.App.Demo;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Licensing;

namespace JunctionRelay.Tests.Demo;

/// <summary>
/// FlexNet's framing was written twice from the published facts: for what junction reads along with, and for the simulated server and client that judge it. Here each is held against the
/// other, in both directions, and both against what strangers have published.
/// </summary>
public sealed class WireCrossCheckTests
{
    private const int Rounds = 2_000;

    private const string NameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    [Fact]
    public void The_simulator_computes_the_sums_that_were_published()
    {
        Assert.Equal(0x3076, WireSums.Crc("123456789"u8.ToArray()));
        var redirect = new WireRedirect("mathworks.lm.udel.edu", 40000).ToBytes();
        Assert.Equal((53, "2f25125a00350113"), (redirect.Length, Convert.ToHexStringLower(redirect, 0, 8)));
        var hello = new WireHello { User = "frey", Host = "login01", Vendor = "MLM", Display = "/dev/pts/73", ProcessId = "35174" }.ToBytes();
        Assert.Equal((147, "68383133"), (hello.Length, Convert.ToHexStringLower(hello, 0, 4)));
        byte[] probe = [0x2f, 0x24, 0x18, 0x9d, 0x40, 0x00, .. new byte[14], .. Enumerable.Repeat((byte)'a', 16364)];
        Assert.Equal((0x189d, 0x24), (WireSums.Crc(probe[4..]), WireSums.Check(probe[..20])));
        Assert.Equal((0, 16364), (WireFrame.Read(probe).Message!.Type, WireFrame.Read(probe).Message!.Payload.Length));
    }

    [Fact]
    public void The_simulator_writes_the_vectors_that_were_computed_elsewhere()
    {
        Assert.Equal(FlexLmVectors.RedirectToLic, Convert.ToHexStringLower(new WireRedirect("lic.example.org", 40000).ToBytes()));
        Assert.Equal(FlexLmVectors.RedirectToRelay, Convert.ToHexStringLower(new WireRedirect("relay.example.net", 27101).ToBytes()));
        Assert.Equal(FlexLmVectors.AliceHello, Convert.ToHexStringLower(new WireHello { User = "alice", Host = "node01", Vendor = "demod", Display = "/dev/pts/0", ProcessId = "4242" }.ToBytes()));
    }

    [Fact]
    public void Any_bytes_have_the_same_sums_in_both()
    {
        var random = new Random(1);
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = new byte[random.Next(2, 400)];
            random.NextBytes(bytes);
            Assert.True((WireSums.Crc(bytes), WireSums.Check(bytes)) == (FlexLmChecksum.Crc(bytes), FlexLmChecksum.CheckByte(bytes)), $"round {round}: {Convert.ToHexString(bytes)}");
        }
    }

    [Fact]
    public void A_hello_of_either_is_read_by_the_other()
    {
        var random = new Random(2);
        for (var round = 0; round < Rounds; round++)
        {
            var wire = new WireHello { User = Text(random, 20), Host = Text(random, 32), Vendor = Text(random, 10), Display = Text(random, 32), ProcessId = $"{random.Next()}" };
            var ours = new FlexLmHello { User = wire.User, Host = wire.Host, Vendor = wire.Vendor, Display = wire.Display, ProcessId = wire.ProcessId };
            Assert.Equal(ours.ToBytes(), wire.ToBytes());
            var parsed = FlexLmHello.Parse(wire.ToBytes()).Message!;
            Assert.Equal((wire.User, wire.Host, wire.Vendor, wire.Display, wire.ProcessId), (parsed.User, parsed.Host, parsed.Vendor, parsed.Display, parsed.ProcessId));
            Assert.Equal(wire, WireHello.Read(ours.ToBytes()).Message);
        }
    }

    [Fact]
    public void Redirects_masters_and_frames_of_either_are_read_by_the_other()
    {
        var random = new Random(3);
        for (var round = 0; round < Rounds; round++)
        {
            var (host, port) = ($"l{Text(random, 63)}", random.Next(1, 65536));
            var redirect = new WireRedirect(host, port);
            Assert.Equal(new FlexLmRedirect { Host = host, Port = port }.ToBytes(), redirect.ToBytes());
            var parsed = FlexLmRedirect.Parse(redirect.ToBytes()).Message!;
            Assert.Equal((host, port, true), (parsed.Host, parsed.Port, parsed.IsAsPublished));
            Assert.Equal(redirect, WireRedirect.Read(new FlexLmRedirect { Host = host, Port = port }.ToBytes()).Message);

            var master = new WireMaster(host, $"d{Text(random, 9)}");
            Assert.Equal(new FlexLmServerAnswer(master.Host, master.Daemon), FlexLmServerAnswer.Read(FlexLmFrame.Parse(master.ToBytes()).Message!));
            Assert.Equal(master, WireMaster.Read(new FlexLmServerAnswer(master.Host, master.Daemon).ToFrame().ToBytes()).Message);

            var payload = new byte[random.Next(500)];
            random.NextBytes(payload);
            var type = random.Next(0x10000);
            var frame = FlexLmFrame.Parse(new WireFrame(type, payload).ToBytes()).Message!;
            Assert.Equal((type, Convert.ToHexString(payload)), (frame.Type, Convert.ToHexString(frame.Payload.Span)));
            var read = WireFrame.Read(frame.ToBytes()).Message!;
            Assert.Equal((type, Convert.ToHexString(payload)), (read.Type, Convert.ToHexString(read.Payload)));
        }
    }

    [Fact]
    public void What_is_damaged_or_cut_is_a_message_to_neither()
    {
        var random = new Random(4);
        for (var round = 0; round < Rounds; round++)
        {
            byte[] bytes = round % 2 == 0
                ? new WireHello { User = "alice", Host = Text(random, 32), Vendor = "demod" }.ToBytes() : new WireRedirect($"l{Text(random, 40)}", random.Next(1, 65536)).ToBytes();
            if (random.Next(2) == 0) bytes = bytes[..random.Next(bytes.Length)];
            else bytes[random.Next(bytes.Length)] ^= (byte)random.Next(1, 256);
            var (hello, frame) = (FlexLmHello.Parse(bytes), FlexLmFrame.Parse(bytes));
            Assert.True(WireHello.Read(bytes).Message is null && hello.State != FlexLmParseState.Parsed, $"round {round}");
            Assert.True(WireFrame.Read(bytes).Message is null && frame.State != FlexLmParseState.Parsed, $"round {round}");
            // … and both wait for the rest of what was cut, and for as much of it.
            if (frame.State == FlexLmParseState.NeedMore && bytes.Length >= WireFrame.HeaderBytes) Assert.Equal(frame.Bytes, WireFrame.Read(bytes).Bytes);
        }
    }

    private static string Text(Random random, int most) => new StringBuilder().Append(random.GetItems<char>(NameLetters, random.Next(most + 1))).ToString();
}
