namespace JunctionRelay.Scenarios.Harness;

/// <summary>The clone that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>A file or directory in it.</summary>
    public static string File(string path)
    {
        var directory = AppContext.BaseDirectory;
        while (!System.IO.File.Exists(Path.Combine(directory, "JunctionRelay.sln")))
            directory = Path.GetDirectoryName(directory)!;
        return Path.Combine(directory, path);
    }
}
