using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>Stage 4, Greet: what a listener expects a client to say before its own bytes. One implementation per scheme of <c>listen</c>.</summary>
internal interface IGreeter
{
    /// <summary>Reads the preamble and leaves every byte after it unread.</summary>
    ValueTask<Greeting> GreetAsync(Connection client, CancellationToken cancellationToken);
}
