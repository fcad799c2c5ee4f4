using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>A name that this junction offers to its peers, standing for a target that it can reach.</summary>
internal sealed record ServiceConfig
{
    /// <summary>The same for relays and services.</summary>
    public const string OpenDescription = "The destinations that a client may name itself, dialled from here: HOST:PORT, where HOST is a name, a pattern of names with " +
        "* and ?, an address or a range of them (10.1.0.0/16, [fd00::/8]), and PORT a port, a range 3141-3199 or *; or unix:/PATH. Names are resolved here, and the address " +
        "counts: a pattern that anybody's name can match (*, *.com) reaches public addresses only, one that ends in a domain of yours (*.example.com, *.corp) private ones, " +
        "too, and only an entry without a wildcard reaches this machine itself or link-local addresses.";

    [Description("Where connections go, as a relay's target; tried in order. Either this or open is required.")]
    public IReadOnlyList<string>? Target { get; init; }

    [Description("An HTTP proxy on the way out, http://host:port, which is asked with CONNECT. Default: none; HTTPS_PROXY is for links only.")]
    public string? Via { get; init; }

    [Description("A file that holds user:password for via. It is read for every connection.")]
    public string? ViaCredentials { get; init; }

    [Description("Who may use it, beyond addresses and certificates: users of the client's machine, and a program that decides.")]
    public AuthConfig? Auth { get; init; }

    [OneOf("flexlm")]
    [Description("The license protocol to follow. flexlm: the target is an lmgrd, and peers that may use the service may also use the ports of the vendor daemons to which " +
        "it has sent clients. Default: none, or the preset's.")]
    public string? Protocol { get; init; }

    [Description("Of a followed license server: the ports that its vendor daemons may have, e.g. 27001 or 40000-40100; a redirect to any other is refused. " +
        "Where none are named: 1024-65535.")]
    public IReadOnlyList<string>? VendorPorts { get; init; }

    [Description("Whose licenses these are, e.g. ansys or sentieon: says what is known of the license manager where this service says nothing.")]
    public string? Preset { get; init; }

    [OneOf("v1", "v2")]
    [Description("Tell the target who the client is, in a PROXY protocol header of this version, as a relay's proxyProtocol: the client that the first junction saw, by the peer's word.")]
    public string? ProxyProtocol { get; init; }

    [Description("No peer gets it until this is taken away. `junction pause` does the same to a running junction, until its end. Default: false.")]
    public bool? Paused { get; init; }

    [Description(OpenDescription)]
    public IReadOnlyList<string>? Open { get; init; }
}
