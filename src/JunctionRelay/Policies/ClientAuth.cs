using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>
/// The part of stage 5 that asks others: which user of its machine a client is, whether that user may, and what the administrator's own hook says. Of a relay
/// it finds the user itself; of a service it takes the word of the junction that opened the stream.
/// </summary>
/// <param name="users">This machine's users, for a relay; null for a service.</param>
/// <param name="rules">Whom to let in; null = everybody.</param>
/// <param name="hook">Who has the last word; null = nobody.</param>
internal sealed class ClientAuth(UserDatabase? users, UserRules? rules, IAuthHook? hook)
{
    /// <summary>What the node's jobs bring along: SENTIEON_AUTH_MECH and SENTIEON_AUTH_DATA; sent on, and told to the hook.</summary>
    public (string Mech, string Data) Brought { get; init; } = ("", "");

    /// <summary>Who the client is.</summary>
    /// <param name="client">Its connection; null where a balancer stands between, whose own user is not the client's.</param>
    /// <param name="said">What the junction before us says of it.</param>
    public async ValueTask<ClientClaims> IdentifyAsync(Connection? client, ClientClaims said)
    {
        if (users is null) return said;
        // The machine's user database may ask a server: not on the thread that serves all sockets.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var user = client is null ? null : LocalUser.Of(client, users);
        return new ClientClaims { User = user?.Name ?? "", Uid = user?.Uid, Groups = user?.Groups ?? [], Mech = Brought.Mech, Data = Brought.Data };
    }

    /// <summary>Whether this client may go on.</summary>
    /// <param name="client">Who it is.</param>
    /// <param name="peer">The name that TLS proved; null = none.</param>
    /// <param name="relay">The relay, for a client; the service, for a peer's stream.</param>
    /// <param name="isService">Which of the two.</param>
    /// <param name="address">The client's address and port, as the first junction saw it.</param>
    /// <param name="target">Where it is to go.</param>
    public async ValueTask<Verdict> JudgeAsync(
        ClientClaims client, string? peer, string relay, bool isService, string address, string target, CancellationToken cancellationToken)
    {
        if (rules is not null && rules.Judge(client) is { Allowed: false } no) return no;
        if (hook is null) return new Verdict(true, "auth");
        return await hook.AskAsync(
            new AuthRequest
            {
                Mech = client.Mech,
                Data = client.Data,
                Addr = IPEndPoint.TryParse(address, out var from) ? from.Address.ToString() : "",
                User = client.User,
                Groups = client.Groups,
                Uid = client.Uid,
                Peer = peer ?? "",
                Relay = isService ? "" : relay,
                Service = isService ? relay : "",
                Target = target,
                Client = address,
                Asserted = isService ? peer ?? "" : "",
            },
            cancellationToken);
    }
}
