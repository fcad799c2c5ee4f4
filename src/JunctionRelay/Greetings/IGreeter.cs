using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>Stage 4, Greet: what a listener expects a client to say before its own bytes, and what it is told after the dial. One implementation per scheme of <c>listen</c>.</summary>
internal interface IGreeter
{
    /// <summary>Reads the preamble within <paramref name="timeout"/> and leaves every byte after it unread.</summary>
    ValueTask<GreetOutcome> GreetAsync(Connection client, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Tells a client that was greeted what became of its wish: <paramref name="refusal"/> null = it is connected. False where this protocol has no words for that.</summary>
    ValueTask<bool> AnswerAsync(Connection client, CloseReason? refusal);
}
