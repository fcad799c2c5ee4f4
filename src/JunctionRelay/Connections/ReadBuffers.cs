using System.Buffers;

namespace JunctionRelay.Connections;

/// <summary>
/// Buffers that connections read into. A flow that fills its small buffer gets a large one, since fewer and larger socket calls are what
/// bulk costs; the number of large ones is bounded, so that thousands of stopped readers cannot hold the memory of the process.
/// </summary>
internal static class ReadBuffers
{
    /// <summary>Enough for a license conversation and for most of everything else.</summary>
    public const int SmallBytes = 16 * 1024;

    /// <summary>Where larger buffers stopped paying (16K/64K/256K cost 0.37/0.34/0.24 CPU seconds per GB, docs/decisions/0001).</summary>
    public const int LargeBytes = 256 * 1024;

    /// <summary>64 MiB in all; beyond it everyone reads in small pieces.</summary>
    public const int MostLargeBuffers = 256;

    private static int _largeBuffers;

    /// <summary>How many large buffers are out now.</summary>
    public static int LargeBuffersInUse => Volatile.Read(ref _largeBuffers);

    /// <summary>A buffer of <see cref="SmallBytes"/>, or of <see cref="LargeBytes"/> where one was asked for and is to be had.</summary>
    public static byte[] Rent(bool large)
    {
        if (large)
        {
            if (Interlocked.Increment(ref _largeBuffers) <= MostLargeBuffers) return ArrayPool<byte>.Shared.Rent(LargeBytes);
            Interlocked.Decrement(ref _largeBuffers);
        }

        return ArrayPool<byte>.Shared.Rent(SmallBytes);
    }

    /// <summary>Gives a buffer back; nobody may hold memory of it any more.</summary>
    public static void Return(byte[] buffer)
    {
        if (buffer.Length >= LargeBytes) Interlocked.Decrement(ref _largeBuffers);
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
