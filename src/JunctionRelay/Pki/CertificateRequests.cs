using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Pki;

/// <summary>
/// PKCS #10 requests (RFC 2986) as nodes make them and the authority reads them: a key, the proof that its owner has it now, and nothing else. The proof covers
/// the authority's nonce, as the challengePassword (RFC 2985, 5.4.1).
/// </summary>
internal static class CertificateRequests
{
    /// <summary>A P-256 request has about 230 bytes; what is longer carries something that nobody asked for.</summary>
    public const int LongestBytes = 2048;

    private const string ChallengePassword = "1.2.840.113549.1.9.7";
    private const string EcPublicKey = "1.2.840.10045.2.1";
    private const string P256 = "1.2.840.10045.3.1.7";

    public static byte[] Create(ECDsa key, string nonce)
    {
        var request = new CertificateRequest("CN=junction", key, HashAlgorithmName.SHA256);
        var challenge = new AsnWriter(AsnEncodingRules.DER);
        challenge.WriteCharacterString(UniversalTagNumber.UTF8String, nonce);
        request.OtherRequestAttributes.Add(new AsnEncodedData(new Oid(ChallengePassword), challenge.Encode()));
        return request.CreateSigningRequest();
    }

    /// <summary>The key of a request, when its owner has signed it over <paramref name="nonce"/>; null, and what is wrong, otherwise.</summary>
    public static PublicKey? Read(byte[] der, string nonce, out string wrong)
    {
        wrong = "the certificate request is too long";
        if (der.Length > LongestBytes)
            return null;
        try
        {
            // Verifies the request's own signature, and leaves every extension out.
            var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, out var length);
            wrong = "the certificate request has something behind it";
            if (length != der.Length)
                return null;
            wrong = "the certificate request is for no EC P-256 key";
            if (request.PublicKey.Oid.Value != EcPublicKey || request.PublicKey.EncodedParameters is not { } parameters
                || AsnDecoder.ReadObjectIdentifier(parameters.RawData, AsnEncodingRules.DER, out _) != P256)
                return null;
            wrong = "the certificate request was not made for this connection";
            return IsFor(request, nonce) ? request.PublicKey : null;
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or ArgumentException or NotSupportedException)   // the last: algorithms that nobody knows
        {
            wrong = "the certificate request cannot be read, or is not signed by its key";
            return null;
        }
    }

    private static bool IsFor(CertificateRequest request, string nonce)
    {
        if (request.OtherRequestAttributes.Count(a => a.Oid?.Value == ChallengePassword) != 1)
            return false;
        var challenge = request.OtherRequestAttributes.Single(a => a.Oid?.Value == ChallengePassword).RawData;
        return AsnDecoder.ReadCharacterString(challenge, AsnEncodingRules.DER, UniversalTagNumber.UTF8String, out _) == nonce;
    }
}
