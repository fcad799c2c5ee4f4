namespace JunctionRelay.App.Demo;

/// <summary>What the bytes so far are.</summary>
/// <param name="Message">A whole message, of <paramref name="Bytes"/> bytes; null: none yet, or none at all.</param>
/// <param name="Bytes">Without a message: how many it will have.</param>
/// <param name="Garbled">Why it can be none.</param>
internal readonly record struct WireRead<T>(T? Message, int Bytes, string? Garbled = null)
    where T : class
{
    public static WireRead<T> Need(int bytes) => new(null, bytes);

    public static WireRead<T> No(string why) => new(null, 0, why);
}
