using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.Tests.Pki;

/// <summary>An authority as <c>junction pki init</c> makes it, in memory, and identities of it.</summary>
internal sealed class TestAuthority(string domain = "junction.internal") : IDisposable
{
    public static readonly TimeSpan Day = TimeSpan.FromHours(24);

    public JunctionCa Ca { get; } = JunctionCa.Create(domain, TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(10)).Ca;

    public X509Certificate2Collection Trust => [Ca.Certificate];

    public TlsIdentity Identity(string name) => TlsIdentity.From(Issue(name));

    public X509Certificate2 Issue(string name, DateTimeOffset? at = null, TimeSpan? lifetime = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Ca.Issue(name, new PublicKey(key), at ?? TimeProvider.System.GetUtcNow(), lifetime ?? Day);
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>Something that the authority would never issue, signed with its key.</summary>
    public X509Certificate2 Forge(string subject, Action<CertificateRequest> shape)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        shape(request);
        var now = TimeProvider.System.GetUtcNow();
        using var issued = request.Create(Ca.Certificate.SubjectName, new Signer(Ca), now.AddHours(-1), now.AddHours(1), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    public void Dispose() => Ca.Dispose();

    // The authority signs what it is given, as its thief could make it.
    private sealed class Signer(JunctionCa ca) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm)
        {
            var signature = ca.Sign(data);
            var writer = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteIntegerUnsigned(Trim(signature.AsSpan(0, 32)));
                writer.WriteIntegerUnsigned(Trim(signature.AsSpan(32)));
            }

            return writer.Encode();
        }

        protected override PublicKey BuildPublicKey() => ca.Certificate.PublicKey;

        private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> number)
        {
            while (number.Length > 1 && number[0] == 0) number = number[1..];
            return number;
        }
    }
}
