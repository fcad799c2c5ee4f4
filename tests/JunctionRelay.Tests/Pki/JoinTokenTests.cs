using JunctionRelay.Pki;

namespace JunctionRelay.Tests.Pki;

public sealed class JoinTokenTests : IDisposable
{
    private static readonly DateTimeOffset Until = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public void A_token_says_what_a_node_needs_to_know()
    {
        var token = JoinToken.Read(JoinToken.Create(_authority.Ca, "hq", Until).Reveal() + "\n")!;
        Assert.Equal(("hq", Until, _authority.Ca.KeyHash), (token.Audience, token.Expires, token.Authority));
        Assert.True(token.IsSignedBy(_authority.Ca.Certificate));
        Assert.InRange(token.Reveal().Length, 100, 200);
    }

    [Fact]
    public void No_two_are_alike()
    {
        var (one, other) = (JoinToken.Create(_authority.Ca, "hq", Until), JoinToken.Create(_authority.Ca, "hq", Until));
        Assert.NotEqual(one.Id, other.Id);
        Assert.NotEqual(one.SecretHash, other.SecretHash);
    }

    [Theory]
    [InlineData("")]
    [InlineData("jjt1_")]
    [InlineData("jjt2_AAAA")]
    [InlineData("jjt1_!!!!")]
    [InlineData("hello")]
    public void Other_texts_are_none(string text) => Assert.Null(JoinToken.Read(text));
}
