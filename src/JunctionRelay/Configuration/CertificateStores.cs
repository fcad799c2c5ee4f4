using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.Configuration;

/// <summary>The files of one plan: what is used in several places is read once and replaced everywhere at once, also by the plans that come after it.</summary>
internal sealed class CertificateStores(TimeProvider time, PlanParts parts, DenyLists denied)
{
    public IReadOnlyList<CertificateStore> All => parts.All<CertificateStore>();

    /// <summary>What these files hold; they have been checked.</summary>
    public TlsCredentials Of(TlsFiles files) => parts.Of(
        $"{files.Certificate?.File}\n{files.Key?.File}\n{files.Trust?.File}",
        () => Refusing(new CertificateStore(files.Certificate?.File, files.Key?.File, files.Trust?.File, time))).Credentials;

    private CertificateStore Refusing(CertificateStore store)
    {
        store.Credentials.Objection = peer => denied.Now.Objection(peer);
        return store;
    }
}
