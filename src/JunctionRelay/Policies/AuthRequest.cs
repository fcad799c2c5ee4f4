using System.Text.Json;

namespace JunctionRelay.Policies;

/// <summary>
/// What an auth hook is told of a connection, as one JSON object in one line. The keys <c>mech</c>, <c>data</c>, <c>addr</c>, <c>user</c> and <c>groups</c> are
/// those that Sentieon's license server gives its authentication script, so that such a script can be used as it is; the others are ours.
/// </summary>
internal sealed record AuthRequest
{
    /// <summary>SENTIEON_AUTH_MECH of the job, as the node's junction found it; empty = none.</summary>
    public string Mech { get; init; } = "";

    /// <summary>SENTIEON_AUTH_DATA of the job; empty = none. A secret as a rule: never logged.</summary>
    public string Data { get; init; } = "";

    /// <summary>The client's IP address.</summary>
    public string Addr { get; init; } = "";

    /// <summary>The login name that the client's own machine asserts; empty = unknown.</summary>
    public string User { get; init; } = "";

    /// <summary>The groups of that user; empty = unknown.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>The numeric id of that user; null = unknown.</summary>
    public uint? Uid { get; init; }

    /// <summary>The name that the peer's certificate proved; empty = none was asked for.</summary>
    public string Peer { get; init; } = "";

    /// <summary>The relay that took the connection; empty for a stream of a link.</summary>
    public string Relay { get; init; } = "";

    /// <summary>The service that a peer asks for; empty for a relay.</summary>
    public string Service { get; init; } = "";

    /// <summary>Where the connection is to go, in the configuration's words.</summary>
    public string Target { get; init; } = "";

    /// <summary>The client's address and port, as the first junction saw it.</summary>
    public string Client { get; init; } = "";

    /// <summary>Who asserts <see cref="User"/>, <see cref="Groups"/>, <see cref="Uid"/>, <see cref="Mech"/> and <see cref="Data"/>: a peer's name, or empty for this machine.</summary>
    public string Asserted { get; init; } = "";

    /// <summary>One line, with its end.</summary>
    public byte[] ToJson()
    {
        var line = new MemoryStream();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("mech", Mech);
            json.WriteString("data", Data);
            json.WriteString("addr", Addr);
            json.WriteString("user", User);
            json.WriteStartArray("groups");
            foreach (var group in Groups) json.WriteStringValue(group);
            json.WriteEndArray();
            json.WriteString("peer", Peer);
            json.WriteString("relay", Relay);
            json.WriteString("service", Service);
            json.WriteString("target", Target);
            json.WriteString("client", Client);
            if (Uid is { } uid) json.WriteNumber("uid", uid);
            else json.WriteNull("uid");
            json.WriteString("asserted", Asserted);
            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        return line.ToArray();
    }
}
