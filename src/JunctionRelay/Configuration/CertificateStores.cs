using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.Configuration;

/// <summary>The files of one plan: what is used in several places is read once and replaced everywhere at once.</summary>
internal sealed class CertificateStores(TimeProvider time)
{
    private readonly Dictionary<(string?, string?, string?), CertificateStore> _stores = [];

    /// <summary>Why somebody is refused whose certificate is valid; for every handshake of the plan.</summary>
    public required Func<PeerIdentity, string?> Objection { get; init; }

    public IReadOnlyList<CertificateStore> All => [.. _stores.Values];

    /// <summary>What these files hold; they have been checked.</summary>
    public TlsCredentials Of(TlsFiles files)
    {
        var key = (files.Certificate?.File, files.Key?.File, files.Trust?.File);
        if (!_stores.TryGetValue(key, out var store))
        {
            _stores.Add(key, store = new CertificateStore(files.Certificate?.File, files.Key?.File, files.Trust?.File, time));
            store.Credentials.Objection = Objection;
        }

        return store.Credentials;
    }
}
