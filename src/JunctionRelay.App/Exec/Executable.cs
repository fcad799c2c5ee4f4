namespace JunctionRelay.App.Exec;

/// <summary>Programs of the system.</summary>
internal static class Executable
{
    private static readonly string[] Usual = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

    /// <summary>Where a program is: on the PATH, or where systems keep their own; null where it is not.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathRooted)
        .Concat(Usual).Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
}
