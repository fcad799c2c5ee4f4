using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>
/// For <c>socks5</c> listeners (RFC 1928): CONNECT with IPv4, IPv6 and names, which are resolved where the destination is dialled. The reply is sent after that.
/// <paramref name="users"/>: who may, by RFC 1929; null = no authentication.
/// </summary>
internal sealed class Socks5Greeter(KnownUsers? users, TimeProvider time) : IGreeter
{
    public async ValueTask<GreetOutcome> GreetAsync(Connection client, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var reader = new PreambleReader(client, timeout, time, cancellationToken);
        var methods = await reader.ReadAsync<Socks5.Methods>(Socks5.ParseMethods);
        if (methods.Message is null) return Failed(reader, methods);
        var method = users is null ? Socks5.NoAuthentication : Socks5.UserAndPassword;
        if (!methods.Message.Offered.Contains(method))
        {
            await client.Output.WriteAsync(Socks5.Choose(Socks5.NoMethod), cancellationToken);
            return users is null
                ? GreetOutcome.Failed(CloseReason.GreetingInvalid, "it insists on authentication, and there is none here", isTold: true)
                : GreetOutcome.Failed(CloseReason.CredentialsRejected, "it offers no user and password", isTold: true);
        }

        await client.Output.WriteAsync(Socks5.Choose(method), cancellationToken);
        string? user = null;
        if (users is not null)
        {
            var credentials = await reader.ReadAsync<Socks5.Credentials>(Socks5.ParseCredentials);
            if (credentials.Message is not { } said) return Failed(reader, credentials);
            var known = users.Has(said.Name, said.Password);
            await client.Output.WriteAsync(Socks5.Judge(known), cancellationToken);
            if (!known) return GreetOutcome.Failed(CloseReason.CredentialsRejected, $"user \"{said.Name}\" is unknown or gave a wrong password", isTold: true);
            user = said.Name;
        }

        var request = await reader.ReadAsync<Socks5.Request>(Socks5.ParseRequest);
        if (request.Message is not null) return GreetOutcome.Said(new Greeting { Destination = request.Message.Destination, User = user, AwaitsAnswer = true });
        if (request.State == PreambleState.NeedMore) return Failed(reader, request);
        await client.Output.WriteAsync(Socks5.Reply((byte)request.Code), cancellationToken);
        return GreetOutcome.Failed(CloseReason.GreetingInvalid, request.Why, isTold: true);
    }

    public async ValueTask<bool> AnswerAsync(Connection client, CloseReason? refusal)
    {
        await client.Output.WriteAsync(Socks5.Reply(Socks5.ReplyFor(refusal)));
        return true;
    }

    // Who speaks something else would not understand an answer.
    private static GreetOutcome Failed<T>(PreambleReader reader, PreambleParse<T> parse)
        where T : class =>
        parse.State == PreambleState.Invalid ? GreetOutcome.Failed(CloseReason.GreetingInvalid, parse.Why) : GreetOutcome.Failed(reader.Missing.Reason, reader.Missing.Detail);
}
