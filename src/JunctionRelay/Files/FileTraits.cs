using System.Runtime.InteropServices;
using System.Text;

namespace JunctionRelay.Files;

/// <summary>What a file has beside its contents and must keep when it is replaced: mode, owner, access list and SELinux label.</summary>
/// <remarks>Owner, list and label on Linux alone: macOS gives a new file of root's the right ones, and Windows' ReplaceFile does all of it.</remarks>
internal static class FileTraits
{
    private const int AtWorkingDirectory = -100;      // AT_FDCWD
    private const uint OwnerAndGroup = 0x8 | 0x10;    // STATX_UID, STATX_GID
    private const int StatxBytes = 256, UidAt = 20, GidAt = 24;
    private const int MostAttributeBytes = 64 * 1024;   // XATTR_SIZE_MAX

    private static readonly string[] Attributes = ["security.selinux", "system.posix_acl_access"];

    /// <summary>Gives <paramref name="to"/> those of <paramref name="from"/>; false when it may not have the same owner.</summary>
    public static bool TryCopy(string from, string to)
    {
        if (OperatingSystem.IsWindows()) return true;
        if (OperatingSystem.IsLinux())
        {
            if (OwnerOf(from) is not { } owner || (OwnerOf(to) != owner && Chown(Bytes(to), owner.Uid, owner.Gid) != 0)) return false;
            foreach (var attribute in Attributes) CopyAttribute(from, to, attribute);
        }

        File.SetUnixFileMode(to, File.GetUnixFileMode(from));
        return true;
    }

    /// <summary>The owner's ids; null where they cannot be asked.</summary>
    public static (uint Uid, uint Gid)? OwnerOf(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        // struct statx is the same on all machines, unlike struct stat.
        var answer = new byte[StatxBytes];
        return Statx(AtWorkingDirectory, Bytes(path), 0, OwnerAndGroup, answer) == 0 ? (BitConverter.ToUInt32(answer, UidAt), BitConverter.ToUInt32(answer, GidAt)) : null;
    }

    // Most files and file systems have none of them.
    private static void CopyAttribute(string from, string to, string name)
    {
        var value = new byte[MostAttributeBytes];
        if (GetAttribute(Bytes(from), Bytes(name), value, value.Length) is > 0 and var length) _ = SetAttribute(Bytes(to), Bytes(name), value, length, 0);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text + '\0');

    [DllImport("libc", EntryPoint = "statx"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Statx(int directory, byte[] path, int flags, uint mask, byte[] answer);

    [DllImport("libc", EntryPoint = "chown"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Chown(byte[] path, uint user, uint group);

    [DllImport("libc", EntryPoint = "getxattr"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint GetAttribute(byte[] path, byte[] name, byte[] value, nint length);

    [DllImport("libc", EntryPoint = "setxattr"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetAttribute(byte[] path, byte[] name, byte[] value, nint length, int flags);
}
