using JunctionRelay.Pki;

namespace JunctionRelay.Tests.Pki;

public sealed class NodeNameTests
{
    [Theory]
    [InlineData("hq")]
    [InlineData("node-07")]
    [InlineData("7")]
    [InlineData("node-1.rack-2")]
    public void These_are_names(string text) => Assert.True(NodeName.IsName(text));

    [Theory]
    [InlineData("")]
    [InlineData("HQ")]
    [InlineData("-a")]
    [InlineData("a-")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("a/../b")]
    [InlineData("a b")]
    [InlineData("node_1")]
    [InlineData("node-*")]
    [InlineData("hq\n")]
    [InlineData("h\0q")]
    [InlineData("münchen")]
    public void These_are_none(string text) => Assert.False(NodeName.IsName(text));

    [Fact]
    public void A_name_ends_at_63_characters()
    {
        Assert.True(NodeName.IsName(new string('a', 63)));
        Assert.False(NodeName.IsName(new string('a', 64)));
    }

    [Theory]
    [InlineData("node-*", true)]
    [InlineData("*", true)]
    [InlineData("n?de", true)]
    [InlineData("node-1", false)]
    [InlineData("node_*", false)]
    [InlineData("../*", false)]
    public void A_pattern_has_a_star_or_a_question_mark(string text, bool isPattern) => Assert.Equal(isPattern, NodeName.IsPattern(text));

    [Theory]
    [InlineData("junction.internal", true)]
    [InlineData("licenses.example.com", true)]
    [InlineData("internal", false)]
    [InlineData("Example.com", false)]
    [InlineData("example.com/x", false)]
    public void A_domain_has_two_parts_or_more(string text, bool isDomain) => Assert.Equal(isDomain, NodeName.IsDomain(text));
}
