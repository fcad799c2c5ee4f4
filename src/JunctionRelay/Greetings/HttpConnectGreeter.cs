using System.Net;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>
/// For <c>http</c> listeners: CONNECT alone (RFC 9110, 9.3.6). One request per connection: a refusal ends it, and what follows a request is payload, once it is
/// permitted, or nothing. <paramref name="users"/>: who may, by Basic (RFC 7617); null = everybody who was admitted.
/// </summary>
internal sealed class HttpConnectGreeter(KnownUsers? users, TimeProvider time) : IGreeter
{
    private static readonly byte[] Established = "HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray();

    public async ValueTask<GreetOutcome> GreetAsync(Connection client, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var reader = new PreambleReader(client, timeout, time, cancellationToken);
        var parsed = await reader.ReadAsync<HttpConnectRequest>(HttpConnectRequest.Parse);
        if (parsed.State == PreambleState.NeedMore)
        {
            var (missing, why) = reader.Missing;
            if (missing == CloseReason.GreetingTimeout) await SayAsync(client, HttpConnectAnswer.RequestTimeout);
            return GreetOutcome.Failed(missing, why, isTold: missing == CloseReason.GreetingTimeout);
        }

        if (parsed.Message is not { } request) return await RefuseAsync(client, CloseReason.GreetingInvalid, HttpConnectAnswer.Of(parsed.Code), parsed.Why);
        if (request.Method != "CONNECT") return await RefuseAsync(client, CloseReason.GreetingInvalid, HttpConnectAnswer.MethodNotAllowed, $"it asks for {request.Method}: only CONNECT is served");
        string? user = null;
        if (users is not null && !IsKnown(request.Authorization, out user))
        {
            return await RefuseAsync(
                client, CloseReason.CredentialsRejected, HttpConnectAnswer.AuthenticationRequired, user is null ? "it gave no user and password" : $"user \"{user}\" is unknown or gave a wrong password");
        }

        return Destination.Read(request.Target) is { } destination and not System.Net.Sockets.UnixDomainSocketEndPoint
            ? GreetOutcome.Said(new Greeting { Destination = destination, User = user, AwaitsAnswer = true })
            : await RefuseAsync(client, CloseReason.GreetingInvalid, HttpConnectAnswer.Of((int)HttpStatusCode.BadRequest), $"\"{request.Target}\" is no host:port");
    }

    public async ValueTask<bool> AnswerAsync(Connection client, CloseReason? refusal)
    {
        await SayAsync(client, refusal is { } reason ? HttpConnectAnswer.For(reason) : Established);
        return true;
    }

    private static async ValueTask<GreetOutcome> RefuseAsync(Connection client, CloseReason reason, byte[] answer, string why)
    {
        await SayAsync(client, answer);
        return GreetOutcome.Failed(reason, why, isTold: true);
    }

    private static async ValueTask SayAsync(Connection client, byte[] answer) => await client.Output.WriteAsync(answer);

    private bool IsKnown(string? authorization, out string? user)
    {
        user = null;
        const string scheme = "Basic ";
        if (authorization?.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) != true) return false;
        var encoded = authorization[scheme.Length..].Trim();
        var said = new byte[encoded.Length];
        if (!Convert.TryFromBase64String(encoded, said, out var length)) return false;
        var colon = said.AsSpan(0, length).IndexOf((byte)':');
        if (colon < 0) return false;
        user = Encoding.UTF8.GetString(said.AsSpan(0, colon));
        return users!.Has(user, said.AsSpan(colon + 1, length - colon - 1));
    }
}
