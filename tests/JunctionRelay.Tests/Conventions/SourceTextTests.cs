using System.Text.RegularExpressions;

namespace JunctionRelay.Tests.Conventions;

/// <summary>What no file of this repository may say.</summary>
public sealed partial class SourceTextTests
{
    private static readonly string[] NotText = [".png", ".jpg", ".gif", ".ico", ".zip", ".gz", ".woff2"];

    [Fact]
    public void No_file_names_a_directory_of_the_machine_that_it_was_written_on()
    {
        var files = SourceTree.Files("").Where(f => !NotText.Contains(Path.GetExtension(f))).ToList();
        Assert.True(files.Count > 100, $"only {files.Count} files: is this the repository?");
        Assert.Empty(files.SelectMany(f => SomebodysDirectory().Matches(SourceTree.Read(f)).Select(m => $"{f}: {m.Value}")));
    }

    [Fact]
    public void No_test_is_skipped() =>
        Assert.Empty(SourceTree.Files("tests", ".cs").SelectMany(f => Skipped().Matches(SourceTree.Read(f)).Select(m => $"{f}: {m.Value}")));

    // Written so that it does not find itself.
    [GeneratedRegex(@"(?<![\w.])/wor[k]/\S*|/tm[p]/\S*worktree\S*|\.\./share[d]/\S*|/home/(?!junction)[a-z]\w*/\S*")]
    private static partial Regex SomebodysDirectory();

    [GeneratedRegex(@"\b(Skip|SkipWhen|SkipUnless)\s*=\s|Assert\.Skip\w*\s*\(")]
    private static partial Regex Skipped();
}
