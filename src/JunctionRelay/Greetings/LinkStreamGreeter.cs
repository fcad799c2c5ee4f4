using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Greetings;

/// <summary>For the streams of a link: what the opener said came with the stream, so that there is nothing to read.</summary>
internal sealed class LinkStreamGreeter : IGreeter
{
    public ValueTask<Greeting> GreetAsync(Connection client, CancellationToken cancellationToken)
    {
        var open = ((LinkStream)client).Open;
        return new(new Greeting
        {
            Service = open.Service,
            Id = ConnectionId.From(open.ConnectionId),
            Client = open.ClientAddress ?? "-",
            Path = open.Path,
        });
    }
}
