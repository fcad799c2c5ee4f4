using JunctionRelay.Tests.Configuration;

namespace JunctionRelay.Tests.Conventions;

/// <summary>The files of this repository as they would be committed: what <c>.gitignore</c> names is left out.</summary>
internal static class SourceTree
{
    private static readonly string Root = RepositoryFiles.Path("");

    private static readonly HashSet<string> Ignored =
        [".git", .. File.ReadAllLines(RepositoryFiles.Path(".gitignore")).Where(l => l.EndsWith('/')).Select(l => l.TrimEnd('/'))];

    /// <summary>Paths below <paramref name="directory"/> with one of <paramref name="endings"/> (none = all), relative to the root; never none.</summary>
    public static IReadOnlyList<string> Files(string directory, params string[] endings)
    {
        var files = Walk(Path.Combine(Root, directory))
            .Where(f => endings.Length == 0 || endings.Any(e => f.EndsWith(e, StringComparison.Ordinal)))
            .Select(f => Path.GetRelativePath(Root, f)).Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(files);
        return files;
    }

    public static string Read(string relative) => File.ReadAllText(Path.Combine(Root, relative));

    private static IEnumerable<string> Walk(string directory) =>
        Directory.EnumerateFiles(directory).Where(f => !Ignored.Contains(Path.GetFileName(f)))
            .Concat(Directory.EnumerateDirectories(directory).Where(d => !Ignored.Contains(Path.GetFileName(d))).SelectMany(Walk));
}
