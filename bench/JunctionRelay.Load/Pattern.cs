namespace JunctionRelay.Load;

/// <summary>
/// The bytes of every connection: a random-looking sequence of prime period, entered at a place of each connection's own (its seed).
/// A byte lost, doubled, swapped between connections or out of order therefore never compares equal by chance of alignment.
/// </summary>
internal static class Pattern
{
    /// <summary>The longest piece that <see cref="At"/> gives in one span; also the size of a bulk write and read.</summary>
    public const int MaxLength = 128 * 1024;

    /// <summary>Prime, so that no power-of-two buffer size ever lines up with it.</summary>
    private const int Period = 65_521;

    private static readonly byte[] Table = Build();

    /// <summary>The bytes at <paramref name="offset"/> of the connection with <paramref name="seed"/>.</summary>
    public static ReadOnlySpan<byte> At(uint seed, long offset, int length) =>
        Table.AsSpan((int)((seed + offset) % Period), length);

    public static bool Matches(ReadOnlySpan<byte> data, uint seed, long offset) => data.SequenceEqual(At(seed, offset, data.Length));

    private static byte[] Build()
    {
        // One period and then its beginning again: any piece is one contiguous span, sent from here without a copy.
        var table = GC.AllocateUninitializedArray<byte>(Period + MaxLength, pinned: true);
        var state = 0x9E3779B97F4A7C15ul;
        for (var i = 0; i < table.Length; i++)
        {
            if (i >= Period)
            {
                table[i] = table[i - Period];
                continue;
            }
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            table[i] = (byte)(state >> 32);
        }
        return table;
    }
}
