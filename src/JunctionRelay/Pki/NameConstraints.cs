using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Pki;

/// <summary>
/// Binds an authority to one domain (RFC 5280, 4.2.1.10): DNS names, SPIFFE IDs and mail addresses of that domain alone, and no IP addresses. Whoever steals
/// its key cannot pose as anything else, and whoever trusts it trusts it for nothing else.
/// </summary>
internal static class NameConstraints
{
    private const string Oid = "2.5.29.30";
    private const int MailName = 1, DnsName = 2, UriName = 6, IpAddress = 7;

    /// <summary>Address and mask, both zero: all of IPv4, all of IPv6.</summary>
    private static readonly int[] EveryAddress = [8, 32];

    public static X509Extension For(string domain)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(Context(0)))
            {
                foreach (var kind in new[] { MailName, DnsName, UriName })
                {
                    using (writer.PushSequence())
                        writer.WriteCharacterString(UniversalTagNumber.IA5String, domain, Context(kind));
                }
            }

            using (writer.PushSequence(Context(1)))
            {
                foreach (var length in EveryAddress)
                {
                    using (writer.PushSequence())
                        writer.WriteOctetString(new byte[length], Context(IpAddress));
                }
            }
        }

        return new X509Extension(Oid, writer.Encode(), critical: true);
    }

    private static Asn1Tag Context(int number) => new(TagClass.ContextSpecific, number);
}
