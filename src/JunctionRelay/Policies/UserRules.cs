using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>
/// Which users of the client's machine may connect, by name and group. What is denied is denied; where anything is allowed by name, nobody else is. A user
/// that is unknown is nobody's.
/// </summary>
internal sealed record UserRules(NamePatterns? AllowUsers, NamePatterns? DenyUsers, NamePatterns? AllowGroups, NamePatterns? DenyGroups)
{
    /// <summary>Whether this user may connect, and by which rule.</summary>
    public Verdict Judge(ClientClaims client)
    {
        if (client.User.Length == 0) return new Verdict(false, "auth.users", "it is unknown which user of its machine the client is");
        if (DenyUsers?.Matches(client.User) == true) return new Verdict(false, "auth.denyUsers", $"the user {client.User} is denied");
        if (DenyGroups is not null && client.Groups.FirstOrDefault(DenyGroups.Matches) is { } denied) return new Verdict(false, "auth.denyGroups", $"the group {denied} of {client.User} is denied");
        if (AllowUsers is null && AllowGroups is null) return new Verdict(true, "auth.users");
        if (AllowUsers?.Matches(client.User) == true) return new Verdict(true, "auth.allowUsers");
        if (AllowGroups is not null && client.Groups.Any(AllowGroups.Matches)) return new Verdict(true, "auth.allowGroups");
        return new Verdict(false, AllowUsers is null ? "auth.allowGroups" : "auth.allowUsers", $"neither the user {client.User} nor any of its groups is allowed");
    }
}
