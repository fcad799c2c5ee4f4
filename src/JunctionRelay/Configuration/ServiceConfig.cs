using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>A name that this junction offers to its peers, standing for a target that it can reach.</summary>
internal sealed record ServiceConfig
{
    [Description("Where connections go; tried in order.")]
    public IReadOnlyList<string>? Target { get; init; }

    [Description("An HTTP proxy on the way out, http://host:port, which is asked with CONNECT. Default: none; HTTPS_PROXY is for links only.")]
    public string? Via { get; init; }

    [Description("A file that holds user:password for via. It is read for every connection.")]
    public string? ViaCredentials { get; init; }

    [OneOf("flexlm")]
    [Description("The license protocol to follow.")]
    public string? Protocol { get; init; }

    [Description("The destinations that a peer may name itself, host and port patterns.")]
    public IReadOnlyList<string>? Open { get; init; }
}
