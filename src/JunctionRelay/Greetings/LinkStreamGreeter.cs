using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Greetings;

/// <summary>For the streams of a link: what the opener said came with the stream, so that there is nothing to read; a refusal is a reset that carries its reason.</summary>
internal sealed class LinkStreamGreeter : IGreeter
{
    public ValueTask<GreetOutcome> GreetAsync(Connection client, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var stream = (LinkStream)client;
        var open = stream.Open;
        stream.ForgetOpen();
        if (open.Destination is not null && Destination.Read(open.Destination) is null)
            return new(GreetOutcome.Failed(CloseReason.GreetingInvalid, $"\"{open.Destination}\" is no destination"));
        return new(GreetOutcome.Said(new Greeting
        {
            Service = open.Service,
            Id = ConnectionId.From(open.ConnectionId),
            Client = open.ClientAddress ?? "-",
            Local = open.LocalAddress ?? "-",
            Path = open.Path,
            Destination = open.Destination is null ? null : Destination.Read(open.Destination),
            AwaitsAnswer = open.IsHeld,
            IsCheck = open.IsCheck,
            VendorPort = open.VendorPort,
            Claims = open.Claims,
        }));
    }

    public ValueTask<bool> AnswerAsync(Connection client, CloseReason? refusal)
    {
        if (refusal is null) ((LinkStream)client).Answer();
        return new(false);
    }
}
