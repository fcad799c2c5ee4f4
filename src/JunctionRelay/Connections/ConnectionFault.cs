namespace JunctionRelay.Connections;

/// <summary>What broke a single connection. Numbered so that side + fault is a <see cref="CloseReason"/>.</summary>
internal enum ConnectionFault
{
    /// <summary>The peer sent RST (a link stream: a reset frame).</summary>
    Reset = 1,
    /// <summary>The transport ended without the end that its protocol promises (TLS without close_notify).</summary>
    Truncated = 2,
    /// <summary>The peer's machine no longer answers.</summary>
    Silent = 3,
}

/// <summary>The two ends of a relayed connection. Numbered as the groups of <see cref="CloseReason"/>.</summary>
internal enum ConnectionSide
{
    /// <summary>Whoever connected to us.</summary>
    Client = 100,
    /// <summary>Whom we connected to.</summary>
    Target = 200,
}

/// <summary>
/// A connection broke while it was read or written. Thrown by <see cref="Connection.Input"/> and <see cref="Connection.Output"/> only; the
/// splice turns it into a <see cref="CloseReason"/> at once.
/// </summary>
/// <param name="fault">What broke.</param>
/// <param name="told">The reason that the peer gave, where its protocol carries one (a link's reset); it is the truth about the whole
/// connection and wins over side + fault.</param>
/// <param name="detail">For people; empty where fault and reason say all.</param>
internal sealed class ConnectionBrokenException(ConnectionFault fault, CloseReason? told = null, string detail = "", Exception? inner = null)
    : IOException($"The connection broke: {told?.Name() ?? fault.ToString()}. {detail}", inner)
{
    /// <summary>For people.</summary>
    public string Detail { get; } = detail;

    /// <summary>What broke.</summary>
    public ConnectionFault Fault { get; } = fault;

    /// <summary>The reason that the peer gave, if any.</summary>
    public CloseReason? Told { get; } = told;
}
