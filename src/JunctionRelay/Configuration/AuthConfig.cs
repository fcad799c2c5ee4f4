using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>Who may use a relay or service, beyond addresses and certificates: users of the client's machine, and a program that decides.</summary>
internal sealed record AuthConfig
{
    [Description("A program that is asked for every connection: one JSON object on its standard input (mech, data, addr, user, groups, as Sentieon's license server " +
        "gives its authentication script, and peer, relay, service, target, client, uid, asserted); exit code 0 permits, anything else denies. Its standard error goes to the log.")]
    public string? Exec { get; init; }

    [Description("The program runs for as long as the junction, takes one JSON line for each connection, and answers each with one: {\"allow\": true}, or false with a \"reason\". Default: false, it is started for each connection.")]
    public bool? Worker { get; init; }

    [AtLeast("1ms")]
    [Description("How long a connection may wait for the program; then it is denied. Default: 5s.")]
    public TimeSpan? Timeout { get; init; }

    [AtLeast("1")]
    [Description("How many of the program run at once. Default: 8; 1 worker.")]
    public int? Concurrency { get; init; }

    [Description("The users of the client's machine that may connect, by login name, with * and ?. Default: all. A user that is unknown is denied where any of these lists is given.")]
    public IReadOnlyList<string>? AllowUsers { get; init; }

    [Description("The users that may not.")]
    public IReadOnlyList<string>? DenyUsers { get; init; }

    [Description("The groups whose users may connect, beside allowUsers. Default: all.")]
    public IReadOnlyList<string>? AllowGroups { get; init; }

    [Description("The groups whose users may not.")]
    public IReadOnlyList<string>? DenyGroups { get; init; }

    [Description("Of a relay: what is told as mech here and at the far junction, e.g. ${SENTIEON_AUTH_MECH}, a variable of this junction's own environment.")]
    public string? Mech { get; init; }

    [Description("Of a relay: what is told as data, e.g. ${SENTIEON_AUTH_DATA}; or dataFile.")]
    public string? Data { get; init; }

    [Description("Of a relay: a file that holds data.")]
    public string? DataFile { get; init; }
}
