using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Pki;
using JunctionRelay.Policies;

namespace JunctionRelay.Tests.Pki;

/// <summary>A deny list counts when an authority that is trusted has signed exactly it.</summary>
public sealed class SignedDenyListTests : IDisposable
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private readonly TestAuthority _authority = new();
    private readonly SignedDenyList _list;

    public SignedDenyListTests() => _list = SignedDenyList.Sign(
        _authority.Ca, 7, [new DenyEntry { Name = "node-07", Reason = "stolen" }, new DenyEntry { Name = "lab-*" }, new DenyEntry { Serial = "5A01" }, new DenyEntry { Key = new string('a', 64) }], Now);

    public void Dispose() => _authority.Dispose();

    [Fact]
    public void What_was_signed_is_read()
    {
        var read = SignedDenyList.Read(_list.Text + "\n", _authority.Trust, out _);
        Assert.Equal((7ul, _authority.Ca.KeyHash), (read!.Number, read.Authority));
        Assert.Equal(_list.Entries, read.Entries);
    }

    [Fact]
    public void Nobody_else_can_sign_it()
    {
        using var other = new TestAuthority();
        Assert.Null(SignedDenyList.Read(_list.Text, other.Trust, out var wrong));
        Assert.Contains("no authority in trust", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void A_junction_that_is_no_authority_cannot_sign_it()
    {
        // Somebody put a leaf into the trust file: it vouches for nobody but itself.
        using var leaf = _authority.Issue("node-07");
        var header = $$"""{"alg":"ES256","kid":"{{PeerIdentity.KeyOf(leaf.PublicKey)}}","typ":"junction-deny"}""";
        using var key = leaf.GetECDsaPrivateKey()!;
        var signed = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{_list.Text.Split('.')[1]}";
        var text = $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
        Assert.Null(SignedDenyList.Read(text, [leaf], out _));
    }

    [Theory]
    [InlineData("""{"alg":"none","kid":"KID","typ":"junction-deny"}""")]
    [InlineData("""{"alg":"HS256","kid":"KID","typ":"junction-deny"}""")]
    [InlineData("""{"alg":"ES256","kid":"KID","typ":"JWT"}""")]
    [InlineData("""{"alg":"ES256","typ":"junction-deny"}""")]
    [InlineData("null")]
    [InlineData("[]")]
    public void Another_header_is_refused(string header)
    {
        var parts = _list.Text.Split('.');
        parts[0] = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.Replace("KID", _authority.Ca.KeyHash, StringComparison.Ordinal)));
        Assert.Null(SignedDenyList.Read(string.Join('.', parts), _authority.Trust, out _));
        Assert.Null(SignedDenyList.Read($"{parts[0]}.{parts[1]}.", _authority.Trust, out _));
    }

    [Theory]
    [InlineData("node-07", "01", true)]
    [InlineData("NODE-07", "01", true)]
    [InlineData("lab-3", "01", true)]
    [InlineData("node-08", "5a01", true)]
    [InlineData("node-08", "01", false)]
    [InlineData("node-070", "5A011", false)]
    public void Names_patterns_and_serials_are_matched_as_a_whole(string name, string serial, bool denied)
    {
        var list = new DenyList([_list.Denied]);
        Assert.Equal(denied, list.Objection(new PeerIdentity(name, [name], serial, Now) { Authorities = [_authority.Ca.KeyHash] }) is not null);
    }

    [Fact]
    public void A_key_is_denied_under_every_name()
    {
        var list = new DenyList([_list.Denied]);
        Assert.Contains("key", list.Objection(new PeerIdentity("anybody", [], "01", Now, new string('A', 64)) { Authorities = [_authority.Ca.KeyHash] })!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_denied_with_its_domain_as_well()
    {
        // Who has no identity in the domain knows peers by their full names.
        var list = new DenyList([_list.Denied]);
        Assert.NotNull(list.Objection(new PeerIdentity("node-07.junction.internal", ["node-07.junction.internal"], "01", Now) { Authorities = [_authority.Ca.KeyHash] }));
        Assert.Null(list.Objection(new PeerIdentity("node-07.other.internal", ["node-07.other.internal"], "01", Now) { Authorities = [_authority.Ca.KeyHash] }));
    }
}
