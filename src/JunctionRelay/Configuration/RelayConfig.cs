using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>A listener plus where its connections go.</summary>
internal sealed record RelayConfig
{
    [Description("Where clients connect: host:port, [ipv6]:port, *:port (every address), a range host:6000-6049, unix:/path, and tls:// before any " +
        "of these. Clients that name their destination themselves are served by socks5:// (SOCKS version 5) and http:// (CONNECT) before an address. link://NAME/ADDRESS:PORT has the junction at the other end of a link " +
        "listen for us (localhost = its loopback, * = its every address; socks5:// and http:// before it, too), if its peers.*.listen permits that. stdio: is standard input and output. Port 0 = a free one. " +
        "A range of addresses, 127.0.0.0/8:9316, gives each server an address of its own, chosen by its name (hostName or the target's) and therefore always the same: many servers on one port. Required.")]
    public IReadOnlyList<string>? Listen { get; init; }

    [Description("Where connections go, tried in order: host:port, [ipv6]:port, a range host:9095-9144 as long as the listener's (first to " +
        "first, last to last), unix:/path, tls:// before any of these, and link://NAME/SERVICE, a service of the junction at the other end of a link: " +
        "NAME is one of links, or the name of a peer that dials in. Where that service has an open list, link://NAME/SERVICE/HOST:PORT (or a range of ports) is one of " +
        "its destinations; * for SERVICE is whichever permits it. Names are resolved for every connection. Required.")]
    public IReadOnlyList<string>? Target { get; init; }

    [Description("An HTTP proxy on the way out, http://host:port, which is asked with CONNECT. Default: none; HTTPS_PROXY is for links only.")]
    public string? Via { get; init; }

    [Description("A file that holds user:password for via. It is read for every connection.")]
    public string? ViaCredentials { get; init; }

    [OneOf("v1", "v2")]
    [Description("Tell each target who the client is, in a PROXY protocol header of this version, before TLS and all else. v2 also says the connection's id and, of a client " +
        "with TLS, its version and the name that the certificate proved. The target must expect it. Default: none.")]
    public string? ProxyProtocol { get; init; }

    [Description("The addresses of load balancers whose connections begin with a PROXY protocol header (v1 or v2): they must, and the client that it names is the one that allow " +
        "judges, that is counted, logged and told on. From elsewhere a header is nothing but bytes. Default: none.")]
    public IReadOnlyList<string>? ProxyFrom { get; init; }

    [Description("What clients of socks5:// and http:// may name, instead of a target. " + ServiceConfig.OpenDescription)]
    public IReadOnlyList<string>? Open { get; init; }

    [Description("Who may use a socks5:// or http:// listener: a file with a line NAME:PASSWORD for each user, readable by junction's user alone, or env:VARIABLE, an " +
        "environment variable that holds the same. Default: nobody is asked, which socks5:// allows on loopback only.")]
    public string? Users { get; init; }

    [Description("Who may use it, beyond addresses and certificates: users of the client's machine, and a program that decides.")]
    public AuthConfig? Auth { get; init; }

    [OneOf("flexlm")]
    [Description("The license protocol to follow. flexlm: the target is an lmgrd, and the port of the vendor daemon to which it sends a client is open here, and leads " +
        "to the same server, before the client hears of it. Default: none, or the preset's.")]
    public string? Protocol { get; init; }

    [Description("Of a followed license server: the ports that its vendor daemons may have, e.g. 27001 or 40000-40100; a redirect to any other is refused. " +
        "Where none are named: 1024-65535.")]
    public IReadOnlyList<string>? VendorPorts { get; init; }

    [Description("Experimental, with protocol: the host to which clients are sent on in place of the license server's own name, at most 32 letters, so that nodes need no hosts " +
        "entry. A redirect that is not understood to the last byte passes as it is. Never tried with a real client. Default: none, redirects pass unchanged.")]
    public string? RewriteHost { get; init; }

    [Description("Experimental, with protocol: the port, or range of ports with one for each vendor daemon, to which clients are sent on in place of the daemon's own, " +
        "e.g. 27101 or 27101-27109. Default: the daemon's own.")]
    public string? RewritePort { get; init; }

    [Description("Compress what this relay sends over a link, both ways. Default: what compress of the link says.")]
    public bool? Compress { get; init; }

    [Description("Whose licenses these are, e.g. ansys or sentieon: says what is known of the license manager where this relay says nothing, such as the port of " +
        "listen and target. See presets.md.")]
    public string? Preset { get; init; }

    [Description("The name that a hosts block gives the listen address: what clients call the server. Default: the target's, also behind link://NAME/SERVICE/.")]
    public string? HostName { get; init; }

    [Description("Certificates and TLS settings of this relay's tls:// addresses.")]
    public TlsConfig? Tls { get; init; }

    [Description("The client addresses that may connect, e.g. 10.128.0.0/20, 192.168.1.7 or fd00::/8. Default: all.")]
    public IReadOnlyList<string>? Allow { get; init; }

    [AtLeast("1")]
    [Description("How many connections the relay holds at once; more are refused. Default: as many as the system allows.")]
    public int? MaxConnections { get; init; }

    [AtLeast("1")]
    [Description("How many connections one client address may hold at once. Default: as many as the relay.")]
    public int? MaxConnectionsPerClient { get; init; }

    [OneOf("failover", "roundRobin", "leastConnections")]
    [Description("How the target of a new connection is chosen: failover = the first that is up; roundRobin = each in turn; leastConnections = " +
        "the one with fewest. A target that fails is skipped in any case. Default: failover.")]
    public string? Balance { get; init; }

    [OneOf("refuse", "hold")]
    [Description("What a client sees while no target is up: refuse = refused at once, so that it tries its next server; hold = it waits " +
        "(holdFor) for one to come back. Default: refuse.")]
    public string? WhenDown { get; init; }

    [AtLeast("1ms")]
    [Description("How long whenDown hold lets a client wait. Default: 10s.")]
    public TimeSpan? HoldFor { get; init; }

    [AtLeast("0")]
    [Description("How often each target is tried with an empty connection, so that a dead one is left out and taken back in; \"0\" = never. " +
        "Default: 10s. Port ranges are never tried: their ports come and go with the jobs behind them.")]
    public TimeSpan? HealthInterval { get; init; }

    [AtLeast("1ms")]
    [Description("How long one target may take to accept. Default: 10s.")]
    public TimeSpan? ConnectTimeout { get; init; }

    [AtLeast("1ms")]
    [Description("How long a TLS handshake may take, on either side, and a SOCKS or CONNECT greeting. Default: 10s.")]
    public TimeSpan? HandshakeTimeout { get; init; }

    [AtLeast("1ms")]
    [Description("How long the other direction may stay silent after one has ended. Default: 60s.")]
    public TimeSpan? HalfClosedTimeout { get; init; }

    [AtLeast("0")]
    [Description("Ends a connection in which nothing was sent either way for this long. Default: \"0\" = never.")]
    public TimeSpan? IdleTimeout { get; init; }

    [AtLeast("0")]
    [Description("Ends a connection this long after it began. Default: \"0\" = never.")]
    public TimeSpan? Lifetime { get; init; }

    [AtLeast("0")]
    [Description("After how much silence TCP asks whether the other machine is still there, in whole seconds; \"0\" = never. Default: 60s, then " +
        "3 more tries 10s apart: a dead machine's seat is free within 90 s.")]
    public TimeSpan? KeepAlive { get; init; }

    [Description("A listener on [::] takes IPv6 clients only. Default: false, both.")]
    public bool? V6Only { get; init; }
}
