using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>The admin endpoint.</summary>
internal sealed record AdminConfig
{
    [Description("Where it listens: host:port or unix:/path.")]
    public string? Listen { get; init; }
}
