namespace JunctionRelay.Files;

/// <summary>
/// Files that hold a key: read only where nobody else could have. A group may read (0640, as Debian's ssl-cert and Kubernetes' fsGroup do it); the others may
/// nothing, and the group may not write.
/// </summary>
internal static class SecretFile
{
    private const UnixFileMode Loose =
        UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>What is wrong with a key file's mode, or null. The file itself counts, not a link that leads to it.</summary>
    public static string? Looseness(FileStream file)
    {
        if (OperatingSystem.IsWindows())
            return null;
        var mode = File.GetUnixFileMode(file.SafeFileHandle);
        return (mode & Loose) == 0 ? null : $"can be {((mode & (UnixFileMode.OtherRead | UnixFileMode.OtherExecute)) != 0 ? "read" : "changed")} by others (mode {Octal(mode)})";
    }

    /// <summary>The text of a key file.</summary>
    /// <exception cref="IOException">It is missing, unreadable, or its mode is loose.</exception>
    public static string ReadText(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
        if (Looseness(file) is { } flaw)
            throw new IOException($"{path} {flaw}: chmod 600 {path}");
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode & 0x1FF, 8).PadLeft(4, '0');
}
