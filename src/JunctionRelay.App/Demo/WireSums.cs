namespace JunctionRelay.App.Demo;

/// <summary>
/// The sums in FlexNet's messages. This and the other <c>Wire…</c> files are the simulated server's and client's own: they share nothing with what junction reads along with, so that a
/// mistake there is no mistake here, and are as plain as the tables of the published facts. Tests hold the two against each other, and both against the published packets.
/// </summary>
internal static class WireSums
{
    /// <summary>A byte of all but itself, modulo 256; it stands at offset 1.</summary>
    public static byte Check(IEnumerable<byte> message) => (byte)message.Where((_, at) => at != 1).Sum(b => b);

    /// <summary>14 bits, polynomial 0x2E97, begun with 0, each byte's lowest bit first, the result mirrored: bit by bit, as such parameters are defined.</summary>
    public static int Crc(IEnumerable<byte> bytes)
    {
        var register = new bool[14];   // [13] leaves first
        foreach (var b in bytes)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var feedback = register[13] ^ ((b >> bit & 1) == 1);
                for (var i = 13; i > 0; i--) register[i] = register[i - 1] ^ (feedback && (0x2E97 >> i & 1) == 1);
                register[0] = feedback;   // 0x2E97 is odd
            }
        }

        return Enumerable.Range(0, 14).Sum(i => register[i] ? 1 << (13 - i) : 0);
    }
}
