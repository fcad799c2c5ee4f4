namespace JunctionRelay.Connections;

/// <summary>
/// Who a client is by the word of the machine that it runs on, and what its job brought along for whoever decides. Asserted by that machine's junction: good
/// for logs, and for policies that trust the machine; no proof.
/// </summary>
internal sealed record ClientClaims
{
    /// <summary>Nothing is known.</summary>
    public static ClientClaims None { get; } = new();

    /// <summary>The login name; empty = unknown.</summary>
    public string User { get; init; } = "";

    /// <summary>The numeric user id; null = unknown.</summary>
    public uint? Uid { get; init; }

    /// <summary>The names of its groups, the primary one first.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>SENTIEON_AUTH_MECH of the job; empty = none.</summary>
    public string Mech { get; init; } = "";

    /// <summary>SENTIEON_AUTH_DATA of the job; empty = none. A secret as a rule: never logged.</summary>
    public string Data { get; init; } = "";

    /// <summary>The secret stays out of logs and messages.</summary>
    public override string ToString() => User.Length > 0 ? $"{User} ({Uid})" : "unknown";
}
