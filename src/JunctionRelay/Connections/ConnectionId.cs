using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace JunctionRelay.Connections;

/// <summary>
/// Names one relayed connection in the logs of every junction that it passes: the random number of the process that accepted it first, and a
/// count. Travels over links as 16 bytes.
/// </summary>
internal readonly record struct ConnectionId(ulong Process, ulong Number)
{
    private static readonly ulong ThisProcess = BinaryPrimitives.ReadUInt32BigEndian(RandomNumberGenerator.GetBytes(sizeof(uint)));
    private static ulong _last;

    /// <summary>An id that no other connection has.</summary>
    public static ConnectionId Next() => new(ThisProcess, Interlocked.Increment(ref _last));

    /// <summary>As it travels: two numbers of eight bytes, the greatest first.</summary>
    public static ConnectionId From(Guid wire)
    {
        Span<byte> bytes = stackalloc byte[16];
        wire.TryWriteBytes(bytes, bigEndian: true, out _);
        return new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
    }

    /// <summary>See <see cref="From"/>.</summary>
    public Guid ToGuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Process);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Number);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>E.g. <c>a4582863-17</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Process:x8}-{Number}");
}
