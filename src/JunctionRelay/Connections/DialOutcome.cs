namespace JunctionRelay.Connections;

/// <summary>What came of dialling: a connection, or why there is none.</summary>
/// <param name="Connection">The connection; the receiver owns it. Null when dialling failed.</param>
/// <param name="Reason">Why it failed; meaningless when <paramref name="Connection"/> is set.</param>
/// <param name="Detail">For people: which address said what.</param>
/// <param name="IsBeyond">The target itself was there; it failed at what lies behind it, and says so.</param>
internal readonly record struct DialOutcome(Connection? Connection, CloseReason Reason, string Detail, bool IsBeyond = false)
{
    /// <summary>A success.</summary>
    public static DialOutcome Connected(Connection connection) => new(connection, default, "");

    /// <summary>A failure.</summary>
    public static DialOutcome Failed(CloseReason reason, string detail) => new(null, reason, detail);
}
