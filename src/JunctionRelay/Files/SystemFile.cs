namespace JunctionRelay.Files;

/// <summary>
/// A file of the system, of which we change a part: replaced as a whole, so that whoever reads it sees the old one or the new one, with mode, owner, access list and label as they were, and the
/// old one kept beside it. Where the file is a mount (as in containers), or its owner could not be kept, it is written in place.
/// </summary>
/// <param name="path">The file; a link is followed, and what it leads to is replaced.</param>
internal sealed class SystemFile(string path)
{
    /// <summary>What the kept file's name ends in.</summary>
    public const string BackupSuffix = ".junction-backup";

    private const int Busy = 16;   // EBUSY: rename(2) over a mount

    private readonly string _file = Resolved(Path.GetFullPath(path));

    /// <summary>What is in it; nothing where it is not there.</summary>
    public byte[] Read() => File.Exists(_file) ? File.ReadAllBytes(_file) : [];

    /// <summary>Replaces <paramref name="old"/>, which was read before, by <paramref name="bytes"/>.</summary>
    /// <returns>Where the old one is kept, and null where there was none; or false: somebody else has changed it meanwhile.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">We may not.</exception>
    public (bool IsDone, string? Backup) Replace(ReadOnlySpan<byte> old, ReadOnlySpan<byte> bytes)
    {
        var isThere = File.Exists(_file);
        var backup = isThere ? Keep(old) : null;
        if (!old.SequenceEqual(Read())) return (false, backup);
        if (!isThere) AtomicFile.Write(_file, bytes, AtomicFile.Public);
        else if (IsMount(_file) || !TryReplace(bytes)) WriteInPlace(bytes);
        return (true, backup);
    }

    /// <summary>Whether something is mounted on exactly this path, by <c>/proc/self/mountinfo</c> (proc(5)).</summary>
    internal static bool IsMount(string file)
    {
        const int MountPoint = 4;
        const string Mounts = "/proc/self/mountinfo";
        return File.Exists(Mounts) && File.ReadLines(Mounts).Any(l => l.Split(' ') is { Length: > MountPoint } fields && fields[MountPoint].Replace(@"\040", " ", StringComparison.Ordinal) == file);
    }

    // Beside it; where nothing can be made there (a container's /etc), with the temporary files.
    private string Keep(ReadOnlySpan<byte> old)
    {
        var beside = _file + BackupSuffix;
        try
        {
            AtomicFile.Write(beside, old, AtomicFile.Secret);
            FileTraits.TryCopy(_file, beside);
            return beside;
        }
        catch (Exception e) when ((e is IOException or UnauthorizedAccessException) && IsMount(_file))
        {
            var elsewhere = Path.Combine(Path.GetTempPath(), Path.GetFileName(beside));
            AtomicFile.Write(elsewhere, old, AtomicFile.Secret);
            return elsewhere;
        }
    }

    // False: it must be written in place.
    private bool TryReplace(ReadOnlySpan<byte> bytes)
    {
        var next = _file + ".junction-new";
        AtomicFile.Write(next, bytes, AtomicFile.Secret);
        try
        {
            if (OperatingSystem.IsWindows()) File.Replace(next, _file, null);
            else if (!FileTraits.TryCopy(_file, next)) return false;
            else File.Move(next, _file, overwrite: true);
            return true;
        }
        catch (IOException e) when (e.HResult == Busy)
        {
            return false;
        }
        finally
        {
            File.Delete(next);
        }
    }

    private void WriteInPlace(ReadOnlySpan<byte> bytes)
    {
        using var file = new FileStream(_file, FileMode.Open, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Write(bytes);
        file.SetLength(bytes.Length);
        file.Flush(flushToDisk: true);
    }

    private static string Resolved(string file) => new FileInfo(file).LinkTarget is null ? file : File.ResolveLinkTarget(file, returnFinalTarget: true)!.FullName;
}
