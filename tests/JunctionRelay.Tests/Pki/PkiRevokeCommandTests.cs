using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

public sealed class PkiRevokeCommandTests
{
    [Fact]
    public async Task Who_revokes_a_certificate_by_its_number_hears_whether_its_key_may_have_a_newer_one()
    {
        using var folder = new TestFolder();
        string older, newest;
        using (var pki = PkiDirectory.Init(folder["pki"], "junction.internal", "hq", TimeSpan.FromDays(30), TimeProvider.System))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            older = Issue();
            newest = Issue();

            string Issue()
            {
                using var issued = pki.Issue(new NodeRecord { Name = "node-07", Key = "", Serial = "" }, new PublicKey(key), TimeSpan.FromDays(1));
                return issued.SerialNumber;
            }
        }

        Assert.Contains("it is not the newest certificate of any junction here", await RevokeAsync(older), StringComparison.Ordinal);
        Assert.Contains("it is the newest certificate of node-07, which can renew it no more", await RevokeAsync(newest.ToLowerInvariant()), StringComparison.Ordinal);

        async Task<string> RevokeAsync(string serial)
        {
            var (exit, output, error) = await JunctionProgram.RunAsync("pki", "revoke", "--serial", serial, "--directory", folder["pki"]);
            Assert.True(exit == 0, error);
            return output;
        }
    }
}
