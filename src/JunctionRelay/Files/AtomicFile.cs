using System.Runtime.InteropServices;

namespace JunctionRelay.Files;

/// <summary>
/// Replaces a file as a whole: whoever reads it sees the old text or the new one, also after a crash. Written beside it under another name, with its final
/// mode from the first byte on, forced to the disk, and renamed.
/// </summary>
internal static class AtomicFile
{
    /// <summary>For everybody to read.</summary>
    public const UnixFileMode Public = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>For its owner alone.</summary>
    public const UnixFileMode Secret = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A directory for its owner alone.</summary>
    public const UnixFileMode SecretDirectory = Secret | UnixFileMode.UserExecute;

    /// <exception cref="IOException">The file cannot be written; the old one is still there.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes, UnixFileMode mode)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var temporary = Path.Combine(directory, $".{Path.GetFileName(path)}.{Path.GetRandomFileName()}");
        try
        {
            // CreateNew: a link that somebody put there is not followed.
            using (var file = new FileStream(temporary, Options(FileMode.CreateNew, mode)))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        SyncDirectory(directory);
    }

    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte}, UnixFileMode)"/>
    public static void Write(string path, string text, UnixFileMode mode) => Write(path, System.Text.Encoding.UTF8.GetBytes(text), mode);

    /// <summary>Makes a directory, with <paramref name="mode"/> where it is new.</summary>
    public static void MakeDirectory(string path, UnixFileMode mode)
    {
        if (Directory.Exists(path))
            return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, mode);
    }

    /// <summary>How files of a mode are opened; Windows has rights of another kind, which new files inherit from their directory.</summary>
    public static FileStreamOptions Options(FileMode how, UnixFileMode mode)
    {
        var options = new FileStreamOptions { Mode = how, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = mode;
        return options;
    }

    // Without it the new name may be lost when the power is. The framework opens no directories.
    private static void SyncDirectory(string directory)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var handle = Open(System.Text.Encoding.UTF8.GetBytes(directory + '\0'), flags: 0);
        if (handle < 0)
            return;
        _ = Sync(handle);
        _ = Close(handle);
    }

    [DllImport("libc", EntryPoint = "open")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Sync(int handle);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);
}
