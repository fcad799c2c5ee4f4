using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Connections;

/// <summary>Who the certificate says the peer is. The only identity used for routing, authorization, revocation and audit: made once, when TLS judges the certificate.</summary>
/// <param name="Name">
/// What <c>peers</c> and logs call the peer: in our own trust domain the name that its SPIFFE ID and its DNS name agree on; else the first DNS name of the subject
/// alternative names, else the first URI. Never the common name: name constraints do not reach it, so that any authority could claim any (RFC 9525, 2).
/// </param>
/// <param name="Names">All DNS and URI names of the certificate.</param>
/// <param name="SerialNumber">The serial number, hexadecimal, as openssl prints it.</param>
/// <param name="NotAfter">When the certificate expires.</param>
/// <param name="Key">SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal: stays the same when a certificate is renewed for the same key.</param>
internal sealed record PeerIdentity(string Name, IReadOnlyList<string> Names, string SerialNumber, DateTimeOffset NotAfter, string Key = "")
{
    private const string SubjectAlternativeName = "2.5.29.17";

    /// <summary>The authorities that vouch for it, from the one that issued it to the one that is trusted: SHA-256 of their public keys, as <see cref="Key"/>. Empty where no chain was built.</summary>
    public IReadOnlyList<string> Authorities { get; init; } = [];

    /// <summary>Reads the names of a certificate that TLS has already verified, or is about to refuse.</summary>
    /// <param name="domain">Our own trust domain: in it, and in no other, a name needs no domain to be unique.</param>
    /// <param name="chain">How it was verified.</param>
    public static PeerIdentity Of(X509Certificate2 certificate, string? domain = null, X509Chain? chain = null)
    {
        var names = new List<string>();
        var uris = new List<string>();
        if (certificate.Extensions[SubjectAlternativeName] is { } extension)
        {
            var alternative = extension as X509SubjectAlternativeNameExtension ?? new X509SubjectAlternativeNameExtension(extension.RawData);
            names.AddRange(alternative.EnumerateDnsNames());
            uris.AddRange(Uris(extension.RawData));
        }

        var name = NameIn(domain, names, uris) ?? names.FirstOrDefault() ?? uris.FirstOrDefault() ?? "";
        return new PeerIdentity(name, [.. names, .. uris], certificate.SerialNumber, certificate.NotAfter, KeyOf(certificate.PublicKey))
        {
            Authorities = chain is null ? [] : [.. chain.ChainElements.Skip(1).Select(e => KeyOf(e.Certificate.PublicKey))],
        };
    }

    /// <summary>What people call a certificate, for lists of them alone: the name of whoever it names, else its common name, as of an authority.</summary>
    public static string Label(X509Certificate2 certificate, string? domain) =>
        Of(certificate, domain).Name is { Length: > 0 } name ? name : certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);

    /// <summary>The hash by which <see cref="Key"/> names a public key.</summary>
    public static string KeyOf(PublicKey key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    /// <summary>The trust domain of a certificate; null when it has no SPIFFE ID, or more than one.</summary>
    public static string? DomainOf(X509Certificate2 certificate) =>
        certificate.Extensions[SubjectAlternativeName] is { } extension ? SpiffeId.Only(Uris(extension.RawData))?.Domain : null;

    /// <summary>Whether the certificate is for this name: <see cref="Name"/> or one of <see cref="Names"/>, as a whole.</summary>
    public bool IsCalled(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase) || Names.Contains(name, StringComparer.OrdinalIgnoreCase);

    // Both names must agree: an authority that may issue in one trust domain only (name constraints) cannot claim a name in ours.
    private static string? NameIn(string? domain, List<string> names, List<string> uris) =>
        domain is not null && SpiffeId.Only(uris) is { } id && id.Domain == domain && names.Contains($"{id.Path}.{domain}", StringComparer.OrdinalIgnoreCase) ? id.Path : null;

    // GeneralName ::= CHOICE { … uniformResourceIdentifier [6] IA5String … } (RFC 5280, 4.2.1.6); the framework enumerates DNS and IP only.
    private static List<string> Uris(byte[] extension)
    {
        var found = new List<string>();
        var uri = new Asn1Tag(TagClass.ContextSpecific, 6);
        var sequence = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
        while (sequence.HasData)
        {
            if (sequence.PeekTag().HasSameClassAndValue(uri))
                found.Add(sequence.ReadCharacterString(UniversalTagNumber.IA5String, uri));
            else
                sequence.ReadEncodedValue();
        }

        return found;
    }
}
