using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>
/// Our certificate and whom we trust, as of now. Both are replaced at once, by whoever watches their files; a handshake takes one look and uses what it saw to
/// its end. Thread-safe.
/// </summary>
internal sealed class TlsCredentials(TlsIdentity? identity, X509Certificate2Collection? trust)
{
    private volatile State _now = new(identity, trust);

    /// <summary>The two that belong together.</summary>
    /// <param name="Identity">Our certificate: needed to serve; to dial, only where the target asks for one.</param>
    /// <param name="Trust">Authorities whose certificates we accept; null = the system's store (only sensible for dialling).</param>
    public sealed record State(TlsIdentity? Identity, X509Certificate2Collection? Trust);

    public State Now => _now;

    /// <summary>Why somebody is refused whose certificate is valid: a deny list; null when he is not. Asked in each handshake.</summary>
    public Func<PeerIdentity, string?>? Objection { get; set; }

    /// <summary>After a replacement. Connections that are there go on; sessions that can change their TLS connection do.</summary>
    public event Action? Replaced;

    // What was replaced is left to the collector: handshakes may be using it.
    public void Replace(State next)
    {
        _now = next;
        Replaced?.Invoke();
    }
}
