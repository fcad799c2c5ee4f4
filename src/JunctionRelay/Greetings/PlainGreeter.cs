using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>For <c>tcp</c>, <c>tls</c> and <c>unix</c> listeners: reads nothing, since the first byte is already the client's own.</summary>
internal sealed class PlainGreeter : IGreeter
{
    public ValueTask<Greeting> GreetAsync(Connection client, CancellationToken cancellationToken) => new(Greeting.None);
}
