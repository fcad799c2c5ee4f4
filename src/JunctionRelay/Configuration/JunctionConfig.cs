using System.ComponentModel;
using System.Text.Json.Serialization;

namespace JunctionRelay.Configuration;

/// <summary>
/// What the user said, and nothing else: every property is null where the user said nothing, and the defaults stand in the plan builder
/// alone. The descriptions are the reference: <c>docs/configuration.md</c> and <c>docs/junction.schema.json</c> are made from them.
/// </summary>
internal sealed record JunctionConfig
{
    [JsonPropertyName("$schema")]
    [Description("For editors: where junction.schema.json is. junction itself ignores it.")]
    public string? Schema { get; init; }

    [Description("What this junction is called in logs and by its peers. Default: the name in its certificate, else the host name.")]
    public string? Name { get; init; }

    [Description("Who this junction is: the certificate, key and trust that every tls:// address uses unless its relay has its own.")]
    public IdentityConfig? Identity { get; init; }

    [Description("The links that this junction dials, by the name of the junction at the other end.")]
    public IReadOnlyDictionary<string, LinkConfig>? Links { get; init; }

    [Description("Where other junctions may dial in.")]
    public IReadOnlyList<string>? LinkListen { get; init; }

    [Description("What a peer may use, by its name or a pattern of names, in which * and ? stand for anything but a dot and a slash. Default: nothing.")]
    public IReadOnlyDictionary<string, PeerConfig>? Peers { get; init; }

    [Description("What this junction can reach for its peers, by the name that they ask for.")]
    public IReadOnlyDictionary<string, ServiceConfig>? Services { get; init; }

    [Description("The relays of this junction, by a name of your choice: it is what logs, metrics and problems call them.")]
    public IReadOnlyDictionary<string, RelayConfig>? Relays { get; init; }

    [Description("License managers of your own for preset, or other values for one of junction's, by name.")]
    public IReadOnlyDictionary<string, PresetConfig>? Presets { get; init; }

    [Description("Only where the certificate authority lives: enables enrolment and renewal over links.")]
    public PkiConfig? Pki { get; init; }

    [Description("Status, metrics and health over HTTP.")]
    public AdminConfig? Admin { get; init; }

    [OneOf("text", "json")]
    [Description("How the log is written: text for people, or one JSON object a line. Default: text on a terminal, else json.")]
    public string? LogFormat { get; init; }

    [OneOf("trace", "debug", "info", "warn", "error")]
    [Description("What is logged: events of this level and graver ones. Default: info.")]
    public string? LogLevel { get; init; }

    /// <summary>The word that means standard output.</summary>
    public const string AuditToOutput = "stdout";

    [Description("Who used what and who was refused, as JSON lines of their own: a file that only grows, or stdout. Default: none.")]
    public string? Audit { get; init; }

    /// <summary>Where the audit goes: a full path, or <see cref="AuditToOutput"/>; null = nowhere.</summary>
    public string? AuditFile(string home) => Audit is null or AuditToOutput ? Audit : Path.GetFullPath(Audit, home);

    [AtLeast("0")]
    [Description("How long connections may go on after TERM before they are reset; a second TERM resets them at once. Default: 12h, because a " +
        "licensed job holds its seat for hours; service managers have a limit of their own (systemd: TimeoutStopSec).")]
    public TimeSpan? DrainTimeout { get; init; }
}
