using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Licensing;

/// <summary>The block in the text of a hosts file: in, in again, changed and out, whatever stands around it.</summary>
public sealed class HostsTextTests
{
    private static readonly string Block = HostsBlock.Of([("127.9.0.1", "lic1.corp.example.com"), ("127.9.0.2", "lic2")]);
    private static readonly string Other = HostsBlock.Of([("10.0.0.5", "lic3")]);

    public static TheoryData<string> Texts =>
    [
        "",
        "127.0.0.1 localhost\n",
        "127.0.0.1 localhost",
        "127.0.0.1 localhost\r\n::1 localhost\r\n",
        "127.0.0.1 localhost\r\n::1 localhost",
        "\n\n# a comment \t\n\n",
        "127.0.0.1\tlocalhost # sch\u00f6n\n\n",
        "\n",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void What_was_put_in_is_taken_out_to_the_byte(string text)
    {
        var with = HostsText.With(text, Block).Text!;
        Assert.StartsWith(text, with, StringComparison.Ordinal);
        Assert.Contains("127.9.0.1 lic1.corp.example.com lic1", with, StringComparison.Ordinal);
        Assert.Equal(text, HostsText.Without(with).Text);
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void Twice_is_once_and_a_new_block_takes_the_place_of_the_old(string text)
    {
        var with = HostsText.With(text, Block).Text!;
        Assert.Equal(with, HostsText.With(with, Block).Text);
        Assert.Equal(HostsText.With(text, Other).Text, HostsText.With(with, Other).Text);
    }

    [Fact]
    public void Lines_end_as_the_files_lines_do()
    {
        var with = HostsText.With("127.0.0.1 localhost\r\n", Block).Text!;
        Assert.Equal(with.Count(c => c == '\n'), with.Count(c => c == '\r'));
        Assert.DoesNotContain('\r', HostsText.With("127.0.0.1 localhost\n", Block).Text!);
        Assert.Contains("\r\n", HostsText.With("", Block, "\r\n").Text!, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_behind_the_block_stay_behind_it()
    {
        var text = $"a\n{Block}10.1.1.1 later\n{Block}# last";
        Assert.Equal($"a\n{Other}10.1.1.1 later\n# last", HostsText.With(text, Other).Text);
        Assert.Equal("a\n10.1.1.1 later\n# last", HostsText.Without(text).Text);
    }

    [Theory]
    [InlineData("a\n# begin junction\nb\n", "line 2 (# begin junction) has no # end junction")]
    [InlineData("a\nb\n# end junction\n", "line 3 (# end junction) has no beginning")]
    [InlineData("# begin junction\n1.1.1.1 x\n# begin junction\n# end junction\n", "line 3 (# begin junction) comes before the end of the block of line 1")]
    public void A_half_block_is_nobodys_to_edit(string text, string problem)
    {
        foreach (var edit in new[] { HostsText.With(text, Block), HostsText.Without(text) })
        {
            Assert.Null(edit.Text);
            Assert.StartsWith(problem, edit.Problem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_line_that_comes_first_wins_and_is_named()
    {
        var names = new[] { ("127.9.0.1", "lic1.corp"), ("127.9.0.2", "lic2") };
        Assert.Equal(
            [(2, "lic2", "10.1.1.1"), (3, "lic1.corp", "10.1.1.2")],
            HostsText.Shadows($"127.0.0.1 localhost\n10.1.1.1 x LIC2 # lic1.corp\n 10.1.1.2\tlic1.corp\r\n127.9.0.2 lic2\n{Block}10.1.1.3 lic2\n", names));
    }
}
