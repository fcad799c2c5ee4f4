using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Pki;

/// <summary>
/// What a new node shows to join (layout: <c>docs/enrolment-protocol.md</c>, section 1). A secret: it prints masked, and only <see cref="Reveal"/> gives its text.
/// </summary>
internal sealed class JoinToken
{
    private const string Prefix = "jjt1_";
    private const byte Version = 1;
    private const int IdBytes = 8, SecretBytes = 16, HashBytes = 32, SignatureBytes = 64;
    private const int IdAt = 1, SecretAt = IdAt + IdBytes, AuthorityAt = SecretAt + SecretBytes, ExpiryAt = AuthorityAt + HashBytes, LengthAt = ExpiryAt + 8, AudienceAt = LengthAt + 1;

    /// <summary>The longest text: the bytes of the longest audience, in base64.</summary>
    private const int LongestText = 400;

    private static readonly byte[] Context = Encoding.ASCII.GetBytes("junction join token\0");

    private readonly byte[] _bytes;

    private JoinToken(byte[] bytes) => _bytes = bytes;

    /// <summary>What files and logs call it.</summary>
    public string Id => Convert.ToHexStringLower(_bytes.AsSpan(IdAt, IdBytes));

    /// <summary>SHA-256 of the authority's public key, hexadecimal.</summary>
    public string Authority => Convert.ToHexStringLower(_bytes.AsSpan(AuthorityAt, HashBytes));

    /// <summary>The junction that it may be shown to.</summary>
    public string Audience => Encoding.ASCII.GetString(_bytes, AudienceAt, _bytes[LengthAt]);

    /// <summary>After this the authority refuses it.</summary>
    public DateTimeOffset Expires => DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(BinaryPrimitives.ReadUInt64BigEndian(_bytes.AsSpan(ExpiryAt)), 1UL << 36));

    /// <summary>What the authority keeps of it.</summary>
    public byte[] SecretHash => SHA256.HashData(_bytes.AsSpan(SecretAt, SecretBytes));

    /// <summary>Makes a new one.</summary>
    public static JoinToken Create(JunctionCa ca, string audience, DateTimeOffset expires)
    {
        var bytes = new byte[AudienceAt + audience.Length + SignatureBytes];
        bytes[0] = Version;
        RandomNumberGenerator.Fill(bytes.AsSpan(IdAt, IdBytes + SecretBytes));
        Convert.FromHexString(ca.KeyHash).CopyTo(bytes, AuthorityAt);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(ExpiryAt), (ulong)expires.ToUnixTimeSeconds());
        bytes[LengthAt] = (byte)audience.Length;
        Encoding.ASCII.GetBytes(audience, bytes.AsSpan(AudienceAt));
        ca.Sign([.. Context, .. bytes.AsSpan(0, bytes.Length - SignatureBytes)]).CopyTo(bytes, bytes.Length - SignatureBytes);
        return new JoinToken(bytes);
    }

    /// <summary>Reads the text of one; null when it is none. Says nothing about whether it is genuine.</summary>
    public static JoinToken? Read(string text)
    {
        text = text.Trim();
        if (text.Length > LongestText || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        byte[] bytes;
        try
        {
            bytes = Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length));
        }
        catch (FormatException)
        {
            return null;
        }

        return bytes.Length > AudienceAt && bytes[0] == Version && bytes.Length == AudienceAt + bytes[LengthAt] + SignatureBytes
            && NodeName.IsName(Encoding.ASCII.GetString(bytes, AudienceAt, bytes[LengthAt]))
            ? new JoinToken(bytes) : null;
    }

    /// <summary>Whether the authority of this certificate has signed it.</summary>
    public bool IsSignedBy(X509Certificate2 authority)
    {
        using var key = authority.GetECDsaPublicKey();
        return PeerIdentity.KeyOf(authority.PublicKey) == Authority
            && key?.VerifyData([.. Context, .. _bytes.AsSpan(0, _bytes.Length - SignatureBytes)], _bytes.AsSpan(_bytes.Length - SignatureBytes), HashAlgorithmName.SHA256) == true;
    }

    /// <summary>The text, for the one who asked for it and for the authority.</summary>
    public string Reveal() => Prefix + Base64Url.EncodeToString(_bytes);

    public override string ToString() => $"{Prefix}**** ({Id})";
}
