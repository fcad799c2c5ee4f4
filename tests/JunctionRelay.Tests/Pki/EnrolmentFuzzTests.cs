using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using JunctionRelay.Connections;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>
/// What reaches an authority from strangers, and a junction from whoever says to be one: damaged, or none at all. Each case is made from its number, so that a failure names all
/// that is needed to see it again. JUNCTION_FUZZ_CASES sets how many are tried, JUNCTION_FUZZ_FROM the first.
/// </summary>
public sealed class EnrolmentFuzzTests : IDisposable
{
    // A case, whatever it was that once went wrong, stays here.
    private static readonly int[] Kept = [];

    private static readonly DateTimeOffset Now = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public void Tokens_of_any_text_are_genuine_or_refused()
    {
        var genuine = JoinToken.Create(_authority.Ca, "hq", Now).Reveal();
        var bytes = Base64Url.DecodeFromChars(genuine.AsSpan(5));
        Try(random =>
        {
            var text = random.Next(3) switch
            {
                0 => "jjt1_" + Base64Url.EncodeToString(Damaged(bytes, random)),
                1 => Encoding.Latin1.GetString(Damaged(Encoding.Latin1.GetBytes(genuine), random)),
                _ => "jjt1_" + Base64Url.EncodeToString(Noise(random, 220)),
            };
            if (JoinToken.Read(text) is not { } read) return;
            Assert.Equal(read.Reveal(), JoinToken.Read(read.Reveal())!.Reveal());
            Assert.DoesNotContain(read.Reveal()[40..80], read.ToString(), StringComparison.Ordinal);
            // What is read and not genuine is no more than one that a stranger made: it is not signed.
            Assert.True(read.Reveal() == genuine || !read.IsSignedBy(_authority.Ca.Certificate), text);
        });
    }

    [Fact]
    public void Messages_of_any_bytes_are_read_or_refused_without_their_words()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var token = JoinToken.Create(_authority.Ca, "hq", Now).Reveal();
        byte[][] genuine =
        [
            JsonSerializer.SerializeToUtf8Bytes(new EnrolmentGreeting { Version = 1, Junction = "hq", Authority = _authority.Ca.KeyHash, Nonce = "abc" }, PkiJson.Default.EnrolmentGreeting),
            JsonSerializer.SerializeToUtf8Bytes(
                new EnrolmentQuestion { Do = EnrolmentQuestion.Join, Csr = CertificateRequests.Create(key, "abc"), Token = token, Wish = "node-1", Name = "node", Certificate = "-----BEGIN" }, PkiJson.Default.EnrolmentQuestion),
            JsonSerializer.SerializeToUtf8Bytes(new EnrolmentAnswer { Name = "node-1", Certificate = "-----BEGIN", Trust = "-----BEGIN", Again = true }, PkiJson.Default.EnrolmentAnswer),
        ];
        Try(random =>
        {
            var line = random.Next(8) == 0 ? Noise(random, 300) : Damaged(genuine[random.Next(genuine.Length)], random);
            var (_, greeting) = EnrolmentLine.Parse(line, PkiJson.Default.EnrolmentGreeting);
            var (question, asked) = EnrolmentLine.Parse(line, PkiJson.Default.EnrolmentQuestion);
            var (_, answer) = EnrolmentLine.Parse(line, PkiJson.Default.EnrolmentAnswer);
            Assert.All([greeting, asked, answer], wrong => Assert.StartsWith("a message is ", wrong, StringComparison.Ordinal));
            Assert.DoesNotContain("jjt1_", $"{question}", StringComparison.Ordinal);
            // What the office does with a wish and a name that it has not chosen.
            _ = NodeName.IsName(question?.Wish ?? "") || NodeName.IsName(question?.Name ?? "");
        });
    }

    [Fact]
    public void Certificate_requests_of_any_bytes_are_those_of_their_key_or_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (genuine, hash) = (CertificateRequests.Create(key, "nonce"), PeerIdentity.KeyOf(new System.Security.Cryptography.X509Certificates.PublicKey(key)));
        Try(random =>
        {
            var der = random.Next(8) == 0 ? Noise(random, 400) : Damaged(genuine, random);
            var read = CertificateRequests.Read(der, "nonce", out var wrong);
            Assert.True(read is null ? wrong.StartsWith("the certificate request ", StringComparison.Ordinal) : PeerIdentity.KeyOf(read) == hash, Convert.ToHexString(der));
        });
    }

    [Fact]
    public void Deny_lists_of_any_text_are_the_authoritys_or_refused()
    {
        var list = SignedDenyList.Sign(
            _authority.Ca, 7, [new DenyEntry { Name = "node-07", Reason = "stolen" }, new DenyEntry { Name = "lab-*" }, new DenyEntry { Serial = "5A01" }, new DenyEntry { Key = new string('a', 64) }], Now);
        var (text, parts) = (Encoding.ASCII.GetBytes(list.Text), list.Text.Split('.'));
        var payload = Base64Url.DecodeFromChars(parts[1]);
        Try(random =>
        {
            if (random.Next(16) == 0)
            {
                // An authority's own mistake, signed by it: read or not, it breaks nothing, nor does what is made of it.
                var signed = $"{parts[0]}.{Base64Url.EncodeToString(Damaged(payload, random))}";
                if (SignedDenyList.Read($"{signed}.{Base64Url.EncodeToString(_authority.Ca.Sign(Encoding.ASCII.GetBytes(signed)))}", _authority.Trust, out _) is { } mistaken)
                    _ = new JunctionRelay.Policies.DenyList([mistaken.Denied]).Objection(new PeerIdentity("node-07", ["node-07"], "01", Now) { Authorities = [_authority.Ca.KeyHash] });
                return;
            }

            // The last character of base64url has bits that mean nothing, and white space around the whole is no change.
            var damaged = Encoding.Latin1.GetString(Damaged(text, random));
            Assert.True(SignedDenyList.Read(damaged, _authority.Trust, out _) is not { } read || read.Entries.SequenceEqual(list.Entries), damaged);
        });
    }

    private static void Try(Action<Random> one)
    {
        foreach (var number in Kept.Concat(Enumerable.Range(Fuzz.First, Fuzz.Cases)))
        {
            try
            {
                one(new Random(number));
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }
    }

    // One to four changes: a bit, a byte, one more, one less, a piece twice, the end cut off.
    private static byte[] Damaged(byte[] genuine, Random random)
    {
        var bytes = new List<byte>(genuine);
        for (var changes = random.Next(1, 5); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.Insert(at, (byte)random.Next(256)); break;
                case 3: bytes.RemoveAt(at); break;
                case 4: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 40), bytes.Count - at))); break;
                default:
                    if (random.Next(4) == 0) bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Noise(Random random, int most)
    {
        var bytes = new byte[random.Next(most)];
        random.NextBytes(bytes);
        return bytes;
    }
}
