using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Policies;
using JunctionRelay.Routing;
using EndPoint = System.Net.EndPoint;

namespace JunctionRelay.Relay;

/// <summary>One relay, complete and immutable: everything that its connections need, built, with no string left to parse.</summary>
internal sealed record RelayPlan
{
    /// <summary>As the configuration calls it: what rules go by.</summary>
    public required string Name { get; init; }

    /// <summary>What its connections are counted and logged under: its name, but for vendor ports.</summary>
    public string LoggedAs { get => _loggedAs ?? Name; init => _loggedAs = value; }

    private readonly string? _loggedAs;

    /// <summary>Where it listens.</summary>
    public required IReadOnlyList<ListenPlan> Listen { get; init; }

    /// <summary>Options of accepted and dialled sockets.</summary>
    public required SocketSettings Socket { get; init; }

    /// <summary>Stage 2.</summary>
    public required Admission Admission { get; init; }

    /// <summary>Stage 5.</summary>
    public required IAuthorization Authorization { get; init; }

    /// <summary>The part of stage 5 that asks others: of the relay under its own name, of each service under the service's. Most have none.</summary>
    public IReadOnlyDictionary<string, ClientAuth> Auths { get; init; } = new Dictionary<string, ClientAuth>();

    /// <summary>Stage 6.</summary>
    public required ServiceTable Services { get; init; }

    /// <summary>What redirects to vendor daemons are made to say; null = they pass unchanged.</summary>
    public RedirectRewrite? Rewrite { get; init; }

    /// <summary>How long what may take.</summary>
    public required RelayLimits Limits { get; init; }

    /// <summary>Lines of the log for clients that did not get past handshake, greeting or rules.</summary>
    public LineBudget Strangers { get; } = new();

    /// <summary>How often targets are probed; zero = not at all.</summary>
    public required TimeSpan HealthInterval { get; init; }
}

/// <summary>One address that a relay listens on.</summary>
/// <param name="EndPoint">An IP address and port, or a unix socket.</param>
/// <param name="Handshake">Stage 3: TLS with clients; null for plain.</param>
/// <param name="PortOffset">For a port range: how far into it this port is, which is how far into the target's range its connections go.</param>
/// <param name="V6Only">For an IPv6 wildcard: leave IPv4 clients alone.</param>
internal sealed record ListenPlan(EndPoint EndPoint, TlsHandshake? Handshake = null, int PortOffset = 0, bool V6Only = false)
{
    /// <summary>Stage 4: what clients say first.</summary>
    public IGreeter Greeter { get; init; } = PlainGreeter.Instance;

    /// <summary>As the configuration writes it; empty for plain connections.</summary>
    public string Scheme { get; init; } = "";

    /// <summary>Makes the listener, where it is no socket of this machine; null = a socket on <see cref="EndPoint"/>.</summary>
    public Func<ConnectionListener>? Open { get; init; }
}

/// <summary>Experimental: where clients of a followed license server are sent on, in place of where it sends them.</summary>
/// <param name="Host">In place of the host; null = it stays.</param>
/// <param name="Ports">In place of the daemon's port, one for each daemon; null = it stays.</param>
internal sealed record RedirectRewrite(string? Host, (int First, int Last)? Ports);

/// <summary>Deadlines of one relayed connection; null = none.</summary>
/// <param name="Handshake">For a client to finish TLS and its greeting.</param>
/// <param name="HalfClosed">Silence in the other direction once one has ended.</param>
/// <param name="Idle">Silence in both directions.</param>
/// <param name="Lifetime">From accept to the end.</param>
internal sealed record RelayLimits(TimeSpan Handshake, TimeSpan HalfClosed, TimeSpan? Idle, TimeSpan? Lifetime);
