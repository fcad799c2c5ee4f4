using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.Configuration;

/// <summary>The rules about the authority.</summary>
internal sealed partial class ConfigChecks
{
    private void CheckPki()
    {
        if (_config.Pki is not { } pki)
            return;
        if (IsAbsent(pki.Directory, "pki.directory"))
            Add("pki.directory", "is missing", "name the directory that `junction pki init` made, or leave pki out");
        if (pki.Directory is null)
            return;
        if (_config.LinkListen is not { Count: > 0 } && _config.Links is not { Count: > 0 })
            Add("pki", "has no effect: nobody can reach this junction to ask for a certificate", "add linkListen, e.g. [\"[::]:8443\"]");
        try
        {
            using var directory = PkiDirectory.Open(Path.GetFullPath(pki.Directory, _home), TimeProvider.System);
            CheckAuthorityIsAtHome(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            Add("pki.directory", $"cannot be used: {e.Message}", "make an authority with `junction pki init`, or leave pki out");
        }
    }

    // Tokens name the junction that they may be shown to, and nodes verify that it is that one: with any other identity nobody could join.
    private void CheckAuthorityIsAtHome(PkiDirectory directory)
    {
        if (_identity.Certificate?.File is not { } file || !File.Exists(file))
            return;   // said already
        using var ours = X509Certificate2.CreateFromPem(File.ReadAllText(file));
        using var chain = new X509Chain { ChainPolicy = { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true, TrustMode = X509ChainTrustMode.CustomRootTrust, VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid } };
        chain.ChainPolicy.CustomTrustStore.Add(directory.Ca.Certificate);
        var (name, junction) = (PeerIdentity.Of(ours, directory.Ca.Domain).Name, directory.Settings.Junction);
        if (name != junction || !chain.Build(ours))
        {
            Add("pki.directory", $"is the authority of {directory.Ca.Domain}, which lives at the junction \"{junction}\"; the identity here is \"{name}\"{(name == junction ? " of another authority" : "")}",
                $"junction pki issue {junction} --directory {directory.Root} --out DIR, and name DIR in identity.directory");
        }
    }
}
