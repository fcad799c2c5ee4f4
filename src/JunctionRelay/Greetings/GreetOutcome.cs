using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>What came of greeting a client: what it said, or why it gets no further.</summary>
/// <param name="Greeting">What it said; null when it gets no further.</param>
/// <param name="Reason">Why; meaningless when <paramref name="Greeting"/> is set.</param>
/// <param name="Detail">For people.</param>
/// <param name="IsTold">The client was told in its own protocol, so that an end is owed to it, not a reset.</param>
internal readonly record struct GreetOutcome(Greeting? Greeting, CloseReason Reason, string Detail, bool IsTold)
{
    /// <summary>A success.</summary>
    public static GreetOutcome Said(Greeting greeting) => new(greeting, default, "", false);

    /// <summary>A failure.</summary>
    public static GreetOutcome Failed(CloseReason reason, string detail, bool isTold = false) => new(null, reason, detail, isTold);
}
