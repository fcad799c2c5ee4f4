using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

/// <summary>A directory of its own for one test, with certificates in <c>certs/</c>, read as a junction would read it.</summary>
internal sealed class ConfigFolder : IDisposable
{
    public ConfigFolder()
    {
        Directory.CreateDirectory(System.IO.Path.Combine(Root, "certs"));
        foreach (var (name, text) in TestCertificates.Files)
            Write($"certs/{name}", text);
        foreach (var (name, text) in TestCertificates.Authority)
            Write(name, text);
        File.SetUnixFileMode(Path("certs/auth.py"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Write("users", "alice:wonderland\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path("users"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("junction-config-").FullName;

    public string Path(string relative) => System.IO.Path.Combine(Root, relative);

    public ConfigFolder Write(string relative, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path(relative))!);
        File.WriteAllText(Path(relative), text);
        if (relative.StartsWith("certs/", StringComparison.Ordinal) || text.Contains("PRIVATE KEY", StringComparison.Ordinal)) File.SetUnixFileMode(Path(relative), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return this;
    }

    public ConfigReading Read(string file = "junction.json", Dictionary<string, string>? environment = null, Dictionary<string, string>? overrides = null) =>
        ConfigReader.Read(Path(file), environment ?? [], overrides);

    /// <summary>The configuration; fails with its problems if it has any.</summary>
    public JunctionConfig Config(Dictionary<string, string>? environment = null, Dictionary<string, string>? overrides = null)
    {
        var reading = Read("junction.json", environment, overrides);
        Assert.Empty(Lines(reading));
        return reading.Config!;
    }

    /// <summary>What a person would read, with this directory left out of the paths.</summary>
    public IReadOnlyList<string> Problems(string file = "junction.json", Dictionary<string, string>? environment = null, Dictionary<string, string>? overrides = null) =>
        Lines(Read(file, environment, overrides));

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private List<string> Lines(ConfigReading reading) =>
        [.. reading.Problems.Select(p => p.ToString().Replace(Root + System.IO.Path.DirectorySeparatorChar, "", StringComparison.Ordinal))];
}
