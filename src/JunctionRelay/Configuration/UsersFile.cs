using System.Text;

namespace JunctionRelay.Configuration;

/// <summary>
/// Users and passwords of an entrance: lines of <c>NAME:PASSWORD</c> in a file, or in an environment variable (<c>env:NAME</c>). Never in the configuration itself nor
/// on a command line, where others read along.
/// </summary>
internal static class UsersFile
{
    /// <summary>SOCKS has one byte for the length of each (RFC 1929).</summary>
    private const int MostBytes = 255;

    private const string VariablePrefix = "env:";
    private const string Example = "write lines of NAME:PASSWORD; # begins a comment";

    /// <summary>Users and their passwords, or null and what is wrong with <paramref name="said"/>. No message holds a password.</summary>
    /// <param name="said">The value of the key: a path, or env: and the name of a variable.</param>
    public static IReadOnlyDictionary<string, string>? Read(string said, string home, Func<string, string?> environment, out Flaw flaw)
    {
        if (Text(said, home, environment, out flaw) is not { } text)
            return null;
        var users = new Dictionary<string, string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in text.Split('\n').Select(l => l.TrimEnd('\r')))
        {
            number++;
            if (line.Length == 0 || line[0] == '#')
                continue;
            var colon = line.IndexOf(':');
            var (name, password) = colon < 0 ? (line, "") : (line[..colon], line[(colon + 1)..]);
            if (name.Length == 0 || password.Length == 0 || Encoding.UTF8.GetByteCount(name) > MostBytes || Encoding.UTF8.GetByteCount(password) > MostBytes)
                return Wrong($"'{said}' has no user and password of 1 to {MostBytes} bytes each in line {number}", Example, out flaw);
            if (!users.TryAdd(name, password))
                return Wrong($"'{said}' has the user '{name}' twice", "keep one of the two", out flaw);
        }

        return users.Count > 0 ? users : Wrong($"'{said}' has no users, so that nobody may connect", Example, out flaw);
    }

    private static string? Text(string said, string home, Func<string, string?> environment, out Flaw flaw)
    {
        flaw = default;
        if (said.StartsWith(VariablePrefix, StringComparison.Ordinal))
        {
            var variable = said[VariablePrefix.Length..];
            return environment(variable) ?? Wrong<string>($"'{variable}' is not set in the environment", "set it to lines of NAME:PASSWORD", out flaw);
        }

        var file = Path.GetFullPath(said, home);
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) != 0)
                return Wrong<string>($"'{said}' may be read or written by everybody on this machine", $"chmod o-rwx {said}", out flaw);
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The framework's words hold the full path, and the key's file says where that begins.
            return Wrong<string>($"'{said}' {(File.Exists(file) ? "cannot be read" : "is no file")}", "write it, and let the user that runs junction read it", out flaw);
        }
    }

    private static T? Wrong<T>(string what, string remedy, out Flaw flaw)
        where T : class
    {
        flaw = new Flaw(what, remedy);
        return null;
    }

    private static Dictionary<string, string>? Wrong(string what, string remedy, out Flaw flaw) => Wrong<Dictionary<string, string>>(what, remedy, out flaw);
}
