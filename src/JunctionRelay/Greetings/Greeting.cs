namespace JunctionRelay.Greetings;

/// <summary>What a client said before its own bytes. A plain listener's client says nothing.</summary>
internal sealed record Greeting
{
    /// <summary>No preamble: the relay alone decides where the connection goes.</summary>
    public static Greeting None { get; } = new();
}
