using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>Who the certificate says the peer is. The only identity used for routing, authorization and audit.</summary>
/// <param name="Name">The first DNS name of the subject alternative names, else the common name: what <c>peers</c> and logs call the peer.</param>
/// <param name="Names">All DNS and URI names of the certificate.</param>
/// <param name="SerialNumber">The serial number, hexadecimal, as openssl prints it.</param>
/// <param name="NotAfter">When the certificate expires.</param>
internal sealed record PeerIdentity(string Name, IReadOnlyList<string> Names, string SerialNumber, DateTimeOffset NotAfter)
{
    private const string SubjectAlternativeName = "2.5.29.17";

    /// <summary>Reads the names of a certificate that TLS has already verified.</summary>
    public static PeerIdentity Of(X509Certificate2 certificate)
    {
        var names = new List<string>();
        if (certificate.Extensions[SubjectAlternativeName] is { } extension)
        {
            var alternative = extension as X509SubjectAlternativeNameExtension ?? new X509SubjectAlternativeNameExtension(extension.RawData);
            names.AddRange(alternative.EnumerateDnsNames());
            names.AddRange(Uris(extension.RawData));
        }

        var common = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        return new PeerIdentity(names.FirstOrDefault() ?? common, names, certificate.SerialNumber, certificate.NotAfter);
    }

    // GeneralName ::= CHOICE { … uniformResourceIdentifier [6] IA5String … } (RFC 5280, 4.2.1.6); the framework enumerates DNS and IP only.
    private static IEnumerable<string> Uris(byte[] extension)
    {
        var uri = new Asn1Tag(TagClass.ContextSpecific, 6);
        var sequence = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
        while (sequence.HasData)
        {
            if (sequence.PeekTag().HasSameClassAndValue(uri))
                yield return sequence.ReadCharacterString(UniversalTagNumber.IA5String, uri);
            else
                sequence.ReadEncodedValue();
        }
    }
}
