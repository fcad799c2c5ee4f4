using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>For <c>tcp</c>, <c>tls</c> and <c>unix</c> listeners: reads nothing, since the first byte is already the client's own, and says nothing.</summary>
internal sealed class PlainGreeter : IGreeter
{
    public static PlainGreeter Instance { get; } = new();

    public ValueTask<GreetOutcome> GreetAsync(Connection client, TimeSpan timeout, CancellationToken cancellationToken) => new(GreetOutcome.Said(Greeting.None));

    public ValueTask<bool> AnswerAsync(Connection client, CloseReason? refusal) => new(false);
}
