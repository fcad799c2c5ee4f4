namespace JunctionRelay.Connections;

/// <summary>
/// Every way in which a relayed connection may end. The first reason wins and is kept; log, metrics and status all use its
/// <see cref="CloseReasons.Name"/>. Each value stands, with what to do about it, in <c>docs/operating.md</c>.
/// </summary>
internal enum CloseReason
{
    /// <summary>Both directions ended cleanly, the client's first.</summary>
    ClientClosed = 100,
    /// <summary>The client sent RST, or vanished and its system answered so.</summary>
    ClientReset = 101,
    /// <summary>The client's TLS connection ended without close_notify: bytes may be missing, so this is no clean end.</summary>
    ClientTruncated = 102,
    /// <summary>The client's machine stopped answering keepalive probes or acknowledging data.</summary>
    ClientSilent = 103,
    /// <summary>The client connected and left without sending a byte where one was awaited: a health check, a port scan. Logged as Debug.</summary>
    ClientLeft = 104,

    /// <summary>Both directions ended cleanly, the target's first.</summary>
    TargetClosed = 200,
    /// <summary>The target sent RST.</summary>
    TargetReset = 201,
    /// <summary>The target's TLS connection ended without close_notify.</summary>
    TargetTruncated = 202,
    /// <summary>The target's machine stopped answering keepalive probes or acknowledging data.</summary>
    TargetSilent = 203,

    /// <summary>One direction had ended, and the other stayed silent for <c>halfClosedTimeout</c>.</summary>
    HalfClosedTimeout = 300,
    /// <summary>No byte in either direction for <c>idleTimeout</c> (off unless configured).</summary>
    IdleTimeout = 301,
    /// <summary>The connection reached its <c>lifetime</c> (off unless configured).</summary>
    LifetimeReached = 302,

    /// <summary>The client's address is in none of the relay's <c>allow</c> ranges.</summary>
    AddressNotAllowed = 400,
    /// <summary>The relay holds <c>maxConnections</c> connections.</summary>
    TooManyConnections = 401,
    /// <summary>The client's address holds <c>maxConnectionsPerClient</c> connections.</summary>
    TooManyFromClient = 402,
    /// <summary>The client's identity may not use what it asked for.</summary>
    NotPermitted = 403,
    /// <summary>The service that was asked for does not exist here.</summary>
    NoSuchService = 404,
    /// <summary>The client of an entrance gave no user and password, or wrong ones.</summary>
    CredentialsRejected = 405,
    /// <summary>The vendor daemon's port is not in <c>vendorPorts</c>, or no redirect of this service has named it.</summary>
    VendorPortNotAllowed = 410,
    /// <summary>The vendor daemon's port is taken on this junction by something else.</summary>
    VendorPortTaken = 411,

    /// <summary>The client did not finish its TLS handshake within <c>handshakeTimeout</c>.</summary>
    HandshakeTimeout = 500,
    /// <summary>The client's TLS handshake failed: no TLS at all, or no common version or cipher.</summary>
    HandshakeFailed = 501,
    /// <summary>The client sent no certificate where one is required.</summary>
    CertificateMissing = 502,
    /// <summary>The client's certificate has expired or is not yet valid.</summary>
    CertificateExpired = 503,
    /// <summary>The client's certificate was not issued by an authority in <c>trust</c>.</summary>
    CertificateUntrusted = 504,
    /// <summary>The client is on the deny list by its name, certificate or key, or came through a junction that is; also when it was put there meanwhile.</summary>
    CertificateRevoked = 505,
    /// <summary>The client's preamble (PROXY header, SOCKS, CONNECT) did not arrive in time.</summary>
    GreetingTimeout = 510,
    /// <summary>The client's preamble was not what the listener speaks.</summary>
    GreetingInvalid = 511,

    /// <summary>The target refused the connection.</summary>
    DialRefused = 600,
    /// <summary>The target did not answer within <c>connectTimeout</c>.</summary>
    DialTimeout = 601,
    /// <summary>The target's name did not resolve.</summary>
    DialUnresolved = 602,
    /// <summary>There is no route to the target.</summary>
    DialUnreachable = 603,
    /// <summary>The TLS handshake with the target failed.</summary>
    DialHandshakeFailed = 604,
    /// <summary>The target's certificate was refused: expired, of another authority, or of another name.</summary>
    DialCertificateRejected = 605,
    /// <summary>Every target of the relay is known to be down, and <c>whenDown</c> says refuse, or <c>holdFor</c> has passed.</summary>
    NoTargetUp = 606,
    /// <summary>The other junction could not listen where it was asked to; the text says why.</summary>
    ListenFailed = 607,

    /// <summary>The junction was told to stop, and the drain ended.</summary>
    Stopping = 700,
    /// <summary>This process holds as many connections as its file descriptors allow (raise <c>LimitNOFILE</c>).</summary>
    OutOfDescriptors = 701,
    /// <summary>A fault of ours; the log holds the exception.</summary>
    InternalError = 799,

    /// <summary>The link stayed without a connection for longer than <c>resume</c>.</summary>
    LinkLost = 800,
    /// <summary>The junction at the other end of the link was restarted, or no longer holds the session.</summary>
    LinkPeerRestarted = 801,
    /// <summary>The session of the link was closed by the other junction.</summary>
    LinkClosed = 802,
    /// <summary>The other junction broke a rule of the link protocol; the text says which.</summary>
    LinkViolation = 803,
    /// <summary>The connection came back to a junction that it had passed before; the text is its path.</summary>
    LinkLoop = 804,
    /// <summary>The link holds as many streams as its limit or its memory allows.</summary>
    TooManyStreams = 805,
    /// <summary>The link had no connection when the stream was to be opened.</summary>
    LinkDown = 806,
    /// <summary>The other junction asked for something that this version does not know.</summary>
    LinkUnsupported = 807,
    /// <summary>The other junction gave a reason that this version does not know.</summary>
    OtherReason = 899,
}

/// <summary>Names and kinds of <see cref="CloseReason"/>.</summary>
internal static class CloseReasons
{
    private static readonly Dictionary<CloseReason, string> Names = Enum.GetValues<CloseReason>().ToDictionary(r => r, r => Kebab(r.ToString()));

    /// <summary>The name that people and machines see, e.g. <c>client-reset</c>. Never changed once released.</summary>
    public static string Name(this CloseReason reason) => Names[reason];

    /// <summary>Both sides ended cleanly and nothing was cut.</summary>
    public static bool IsClean(this CloseReason reason) => reason is CloseReason.ClientClosed or CloseReason.TargetClosed;

    /// <summary>Whoever connected had not got past handshake, greeting or rules: anybody can cause such ends.</summary>
    public static bool IsOfStrangers(this CloseReason reason) => reason is CloseReason.NotPermitted or CloseReason.NoSuchService or >= CloseReason.HandshakeTimeout and < CloseReason.DialRefused;

    /// <summary>What a fault of one side's connection is called for the relayed connection as a whole.</summary>
    public static CloseReason Of(ConnectionSide side, ConnectionFault fault) => (CloseReason)((int)side + (int)fault);

    private static string Kebab(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));
}
