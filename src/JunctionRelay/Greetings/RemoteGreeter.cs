using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Greetings;

/// <summary>
/// For listeners behind a link: what the other junction knows of the client came with the stream, and then the client says whatever it would say to a listener of our
/// own. Where it goes is the relay's business, not the peer's.
/// </summary>
internal sealed class RemoteGreeter(IGreeter greeter) : IGreeter
{
    public async ValueTask<GreetOutcome> GreetAsync(Connection client, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var greeted = await greeter.GreetAsync(client, timeout, cancellationToken);
        if (greeted.Greeting is not { } greeting) return greeted;
        var open = ((LinkStream)client).Open;
        return greeted with
        {
            Greeting = greeting with
            {
                Id = ConnectionId.From(open.ConnectionId),
                Client = open.ClientAddress ?? "-",
                Local = open.LocalAddress ?? "-",
                Path = open.Path,
                Claims = open.Claims,
            },
        };
    }

    public ValueTask<bool> AnswerAsync(Connection client, CloseReason? refusal) => greeter.AnswerAsync(client, refusal);
}
