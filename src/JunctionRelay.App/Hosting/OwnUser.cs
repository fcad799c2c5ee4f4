namespace JunctionRelay.App.Hosting;

/// <summary>Who runs this program. In containers and on nodes whose users are known elsewhere a number may have no name, and a machine no list of users.</summary>
internal static class OwnUser
{
    /// <summary>The login name, else <c>USER</c>, else the number: <c>uid-4711</c>.</summary>
    public static string Name { get; } = Listed() is { Length: > 0 } listed ? listed
        : Environment.GetEnvironmentVariable("USER") is { Length: > 0 } said ? said
        : OperatingSystem.IsWindows() ? "unknown" : $"uid-{Exec.Takeover.UserId}";

    private static string? Listed()
    {
        try
        {
            return Environment.UserName;
        }
        catch (IOException)
        {
            return null;   // getpwuid_r(3): ENOENT, there is no /etc/passwd
        }
    }
}
