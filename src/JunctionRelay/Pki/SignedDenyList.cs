using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

using JunctionRelay.Connections;
using JunctionRelay.Policies;

namespace JunctionRelay.Pki;

/// <summary>One entry of a deny list: a name (or pattern of names), a serial number, or a key.</summary>
internal sealed record DenyEntry
{
    public string? Name { get; init; }
    public string? Serial { get; init; }
    public string? Key { get; init; }

    /// <summary>When it was put there, in seconds since 1970.</summary>
    public long Since { get; init; }

    public string? Reason { get; init; }

    public bool IsAbout(DenyEntry other) => (Name, Serial, Key) == (other.Name, other.Serial, other.Key);

    public override string ToString() => Name is not null ? $"name {Name}" : Serial is not null ? $"serial {Serial}" : $"key {Key}";
}

/// <summary>
/// Who an authority has revoked, signed by it: a JSON Web Signature in its compact form (RFC 7515), ES256, so that every tool for such things can check it.
/// Each list replaces the one with a smaller number.
/// </summary>
internal sealed record SignedDenyList
{
    /// <summary>The longest that is read: about ten thousand entries.</summary>
    public const int LongestBytes = 1024 * 1024;

    private const string Kind = "junction-deny";
    private const string Algorithm = "ES256";

    private SignedDenyList(string text, string authority, string? domain, DenyListPayload payload)
    {
        (Text, Authority, Payload) = (text, authority, payload);
        Denied = new AuthorityDenyList(
            authority, domain, payload.Deny.Select(e => e.Name).OfType<string>(), payload.Deny.Select(e => e.Serial).OfType<string>(), payload.Deny.Select(e => e.Key).OfType<string>());
    }

    /// <summary>As it travels and lies in files.</summary>
    public string Text { get; }

    /// <summary>SHA-256 of the signer's public key, hexadecimal.</summary>
    public string Authority { get; }

    public ulong Number => Payload.Number;
    public IReadOnlyList<DenyEntry> Entries => Payload.Deny;

    /// <summary>Who is refused by it: of those that this authority vouches for, nobody else.</summary>
    public AuthorityDenyList Denied { get; }

    private DenyListPayload Payload { get; }

    /// <summary>Signs a list.</summary>
    public static SignedDenyList Sign(JunctionCa ca, ulong number, IReadOnlyList<DenyEntry> entries, DateTimeOffset now)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(new DenyListHeader { Alg = Algorithm, Kid = ca.KeyHash, Typ = Kind }, PkiJson.Default.DenyListHeader);
        var payload = new DenyListPayload { Iss = ca.Domain, Number = number, Iat = now.ToUnixTimeSeconds(), Deny = [.. entries] };
        var signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(payload, PkiJson.Default.DenyListPayload))}";
        return new SignedDenyList($"{signed}.{Base64Url.EncodeToString(ca.Sign(Encoding.ASCII.GetBytes(signed)))}", ca.KeyHash, ca.Domain, payload);
    }

    /// <summary>Reads a list that one of <paramref name="trust"/> has signed; null, and what is wrong, for any other.</summary>
    public static SignedDenyList? Read(string text, IEnumerable<X509Certificate2> trust, out string wrong)
    {
        wrong = "it is no signed deny list";
        text = text.Trim();
        var parts = text.Split('.', 4);
        if (text.Length > LongestBytes || parts.Length != 3 || Decode(parts[0]) is not { } header || Decode(parts[1]) is not { } body || Decode(parts[2]) is not { } signature)
            return null;
        if (Parse(header, PkiJson.Default.DenyListHeader) is not { Alg: Algorithm, Typ: Kind, Kid: { } kid })
            return null;
        var authority = trust.FirstOrDefault(c => PeerIdentity.KeyOf(c.PublicKey) == kid);
        using var key = authority is null || !authority.Extensions.OfType<X509BasicConstraintsExtension>().Any(e => e.CertificateAuthority)
            ? null : authority.GetECDsaPublicKey();
        wrong = "no authority in trust has signed it";
        if (key is not { KeySize: 256 } || !key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), signature, HashAlgorithmName.SHA256))
            return null;
        // Signed, so what follows is an authority's mistake at worst.
        wrong = "its entries cannot be read";
        if (Parse(body, PkiJson.Default.DenyListPayload) is not { Deny: not null } payload || !payload.Deny.All(e => e is not null))
            return null;
        // Names in it are of the authority's own domain, not of one that the list claims.
        var domain = JunctionCa.DomainOf(authority!);
        wrong = $"it is for the domain {payload.Iss}, and its authority is of {domain}";
        return domain is null || domain == payload.Iss ? new SignedDenyList(text, kid, domain, payload) : null;
    }

    private static byte[]? Decode(string text)
    {
        try
        {
            return Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static T? Parse<T>(byte[] json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record DenyListHeader
{
    public string? Alg { get; init; }
    public string? Kid { get; init; }
    public string? Typ { get; init; }
}

internal sealed record DenyListPayload
{
    /// <summary>The trust domain.</summary>
    public string Iss { get; init; } = "";

    public ulong Number { get; init; }

    /// <summary>When it was signed, in seconds since 1970.</summary>
    public long Iat { get; init; }

    public DenyEntry[] Deny { get; init; } = [];
}
