namespace JunctionRelay.Tests.Configuration;

/// <summary>Files of this repository, wherever it lies.</summary>
internal static class RepositoryFiles
{
    private static readonly string Root = FindRoot();

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    /// <summary>The names of the JSON files in <paramref name="directory"/>; a test over none would pass having read nothing.</summary>
    public static IReadOnlyList<string> JsonIn(string directory)
    {
        var names = Directory.GetFiles(Path(directory), "*.json").Select(f => System.IO.Path.GetFileName(f)).Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(names);
        return names;
    }

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(System.IO.Path.Combine(directory, "JunctionRelay.sln")))
            directory = System.IO.Path.GetDirectoryName(directory) ?? throw new InvalidOperationException($"no repository above {AppContext.BaseDirectory}");
        return directory;
    }
}
