namespace JunctionRelay.Scenarios.Harness;

/// <summary>A folder of one scenario, gone when the scenario ends. Short, because unix socket paths may have 107 bytes at most.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private const UnixFileMode EveryoneMayEnter = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("jr-").FullName;

    // Some peers run as a user of their own (postgres) and must reach what belongs to them in here.
    public TemporaryFolder() => File.SetUnixFileMode(Path, EveryoneMayEnter);

    /// <summary>The path of a file or folder in here.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file in here and returns its path.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        // A junction refuses keys that others can read.
        if (text.Contains("PRIVATE KEY", StringComparison.Ordinal))
            File.SetUnixFileMode(this[name], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return this[name];
    }

    /// <summary>Makes a folder in here and returns its path.</summary>
    public string Folder(string name) => Directory.CreateDirectory(this[name]).FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
