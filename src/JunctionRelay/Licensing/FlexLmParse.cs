namespace JunctionRelay.Licensing;

/// <summary>What the bytes so far turned out to be.</summary>
internal enum FlexLmParseState
{
    /// <summary>Possibly a message: it goes on.</summary>
    NeedMore,
    /// <summary>A whole message with correct sums.</summary>
    Parsed,
    /// <summary>Something else, or a damaged message. A relay passes such bytes through untouched.</summary>
    NotFlexLm,
}

/// <summary>The outcome of reading a message at the start of some bytes. TCP may split a message anywhere, so "not yet" is an answer of its own.</summary>
/// <param name="State">Which of the three it is.</param>
/// <param name="Message">The message; null unless <see cref="FlexLmParseState.Parsed"/>.</param>
/// <param name="Bytes">Parsed: the message's length. NeedMore: how many bytes there must be, counted from the start, before another try is worthwhile.</param>
/// <param name="Why">NotFlexLm: the first thing that was wrong, for the log.</param>
internal readonly record struct FlexLmParse<T>(FlexLmParseState State, T? Message, int Bytes, string? Why)
    where T : class;

/// <summary>Makes <see cref="FlexLmParse{T}"/> values.</summary>
internal static class FlexLmParse
{
    public static FlexLmParse<T> NeedMore<T>(int bytes) where T : class => new(FlexLmParseState.NeedMore, null, bytes, null);

    public static FlexLmParse<T> Parsed<T>(T message, int bytes) where T : class => new(FlexLmParseState.Parsed, message, bytes, null);

    public static FlexLmParse<T> NotFlexLm<T>(string why) where T : class => new(FlexLmParseState.NotFlexLm, null, 0, why);
}
