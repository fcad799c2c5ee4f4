using System.Globalization;
using System.Net;

namespace JunctionRelay.Tests.Harness;

/// <summary>A client that is never silent and never done: one more byte of its greeting for each second of the clock.</summary>
internal static class Trickle
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Connects, says <paramref name="opening"/>, and goes on with <paramref name="rest"/>, byte by byte, until the last second of the handshake timeout, which it
    /// lets pass. Returns how the other side ended, which has to happen then: whoever waits from each byte anew does not end it before the test gives up.
    /// </summary>
    /// <param name="time">The clock of the greeting's deadline. Each byte has been taken before it moves on.</param>
    public static async Task<(byte[] Bytes, SeenEnd End)> UntilTheTimeoutAsync(EndPoint address, ManualTime time, byte[] opening, byte[] rest)
    {
        var timers = time.Waiting;
        using var client = await Peer.ConnectAsync(address);
        await Eventually.TrueAsync(() => time.Waiting > timers, () => "no deadline was set for the greeting");
        await client.SendAsync(opening);
        var reading = client.ReadToEndAsync();
        var seconds = (int)TestRelay.Limits.Handshake.TotalSeconds;
        for (var second = 1; second < seconds; second++)
        {
            time.Advance(Second);
            await client.SendAsync(rest.AsMemory(second - 1, 1));
            await Eventually.TrueAsync(() => Unread((IPEndPoint)address, (IPEndPoint)client.LocalEndPoint) == 0, () => "a byte is not taken");
            Assert.False(reading.IsCompleted, $"the client was left in second {second} of {seconds}");
        }

        time.Advance(Second);
        return await reading;
    }

    // What has arrived at the other end of a connection and nobody has read: proc(5), /proc/net/tcp. Addresses are there in the machine's order of bytes.
    private static long Unread(IPEndPoint there, IPEndPoint here)
    {
        var (local, remote) = (Text(there), Text(here));
        foreach (var line in File.ReadLines("/proc/net/tcp"))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields[1] == local && fields[2] == remote) return long.Parse(fields[4].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        return 0;

        static string Text(IPEndPoint end) => $"{BitConverter.ToUInt32(end.Address.GetAddressBytes()):X8}:{end.Port:X4}";
    }
}
