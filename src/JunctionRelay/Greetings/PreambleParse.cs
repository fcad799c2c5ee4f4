namespace JunctionRelay.Greetings;

/// <summary>What the first bytes of a client turned out to be.</summary>
internal enum PreambleState
{
    /// <summary>Right so far, and not whole.</summary>
    NeedMore,
    Parsed,
    /// <summary>Nothing that may follow makes it right.</summary>
    Invalid,
}

/// <summary>What a parser made of the bytes that are there. Parsers are pure: no state, no I/O, no exception on any bytes.</summary>
/// <param name="State">Which of the others are set.</param>
/// <param name="Bytes">Parsed: how many bytes the message has; what follows them is not its.</param>
/// <param name="Message">Parsed: the message.</param>
/// <param name="Why">Invalid: what is wrong, for people.</param>
/// <param name="Code">Invalid: the number by which the protocol says so, where it has one.</param>
internal readonly record struct PreambleParse<T>(PreambleState State, int Bytes, T? Message, string Why, int Code)
    where T : class
{
    public static PreambleParse<T> Parsed(int bytes, T message) => new(PreambleState.Parsed, bytes, message, "", 0);

    public static PreambleParse<T> Invalid(string why, int code = 0) => new(PreambleState.Invalid, 0, null, why, code);
}
