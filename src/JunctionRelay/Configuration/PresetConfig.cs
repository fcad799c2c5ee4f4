using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>A license manager that junction does not know, or knows otherwise.</summary>
internal sealed record PresetConfig
{
    [OneOf("flexlm")]
    [Description("The license protocol to follow.")]
    public string? Protocol { get; init; }

    [AtLeast("1")]
    [Description("The port that clients ask first: for listen and target addresses that name none.")]
    public int? Port { get; init; }

    [Description("The environment variable by which clients find the server, for junction env.")]
    public string? Variable { get; init; }

    [OneOf("port@host", "host:port")]
    [Description("How that variable is written. Default: port@host.")]
    public string? Entry { get; init; }
}
