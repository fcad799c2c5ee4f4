using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

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

    [Fact]
    public void Not_a_bit_of_it_can_be_changed_and_no_input_breaks_the_reader()
    {
        var text = JoinToken.Create(_authority.Ca, "hq", Until).Reveal();
        var genuine = System.Buffers.Text.Base64Url.DecodeFromChars(text.AsSpan(5));
        var random = new Random(2);
        for (var i = 0; i < Fuzz.Cases / 10; i++)
        {
            var bytes = genuine.ToArray();
            for (var changes = random.Next(1, 3); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            if (random.Next(5) == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            var read = JoinToken.Read("jjt1_" + System.Buffers.Text.Base64Url.EncodeToString(bytes));
            Assert.False(read is not null && !bytes.AsSpan().SequenceEqual(genuine) && read.IsSignedBy(_authority.Ca.Certificate), Convert.ToHexString(bytes));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("jjt1_")]
    [InlineData("jjt2_AAAA")]
    [InlineData("jjt1_!!!!")]
    [InlineData("hello")]
    public void Other_texts_are_none(string text) => Assert.Null(JoinToken.Read(text));
}
