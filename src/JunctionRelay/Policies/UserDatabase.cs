using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace JunctionRelay.Policies;

/// <summary>
/// The machine's users and groups, as getpwuid_r(3), getgrouplist(3) and getgrgid_r(3) know them: files, LDAP, whatever nsswitch.conf says. Answers are kept
/// for a minute, since a directory server may take its time.
/// </summary>
internal sealed class UserDatabase(TimeProvider time)
{
    private const int Erange = 34;
    private const int FirstBytes = 1024, MostBytes = 1024 * 1024;
    private const int MostGroups = 65536;   // NGROUPS_MAX of Linux

    private static readonly TimeSpan Keep = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<uint, (LocalUser User, long Since)> _known = new();

    /// <summary>The user of this id; one that the database does not know has its number for a name, and no groups.</summary>
    public LocalUser Find(uint uid)
    {
        if (_known.TryGetValue(uid, out var known) && time.GetElapsedTime(known.Since) < Keep) return known.User;
        var user = Read(uid);
        _known[uid] = (user, time.GetTimestamp());
        return user;
    }

    private static LocalUser Read(uint uid)
    {
        // struct passwd of glibc and musl: name, password, uid, gid, …
        if (Call((entry, buffer, length) => (GetUser(uid, ref entry[0], ref buffer[0], length, out var found), found), out var passwd) is not { } name)
            return new LocalUser(uid, Number(uid), []);
        var primary = BitConverter.ToUInt32(passwd.AsSpan((2 * nint.Size) + sizeof(uint)));
        return new LocalUser(uid, name, [.. GroupsOf(name, primary).Select(GroupName)]);
    }

    private static uint[] GroupsOf(string name, uint primary)
    {
        for (var count = 64; ; count *= 4)
        {
            var groups = new uint[count];
            var found = count;
            if (GetGroups(name, primary, ref groups[0], ref found) >= 0) return groups[..found];
            if (count >= MostGroups) return [primary];
        }
    }

    private static string GroupName(uint gid) =>
        Call((entry, buffer, length) => (GetGroup(gid, ref entry[0], ref buffer[0], length, out var found), found), out _) ?? Number(gid);

    // Both calls fill a struct whose first member is the name, and put the texts into a buffer that may be too small. Both live on a pinned heap, since
    // the struct points into the buffer.
    private static string? Call(Func<byte[], byte[], nint, (int Error, nint Found)> call, out byte[] entry)
    {
        entry = GC.AllocateArray<byte>(256, pinned: true);
        for (var length = FirstBytes; length <= MostBytes; length *= 4)
        {
            var buffer = GC.AllocateArray<byte>(length, pinned: true);
            var (error, found) = call(entry, buffer, length);
            if (error == Erange) continue;
            // Nothing found is no error, and leaves in the struct what was looked at last.
            if (error != 0 || found == 0) return null;
            var at = MemoryMarshal.Read<nint>(entry);
            var start = (int)(at - Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0));
            if (start < 0 || start >= length) return null;
            var text = buffer.AsSpan(start);
            var end = text.IndexOf((byte)0);
            return end > 0 ? Encoding.UTF8.GetString(text[..end]) : null;
        }

        return null;
    }

    private static string Number(uint id) => id.ToString(CultureInfo.InvariantCulture);

    [DllImport("libc", EntryPoint = "getpwuid_r"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetUser(uint uid, ref byte entry, ref byte buffer, nint length, out nint result);

    [DllImport("libc", EntryPoint = "getgrgid_r"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetGroup(uint gid, ref byte entry, ref byte buffer, nint length, out nint result);

    [DllImport("libc", EntryPoint = "getgrouplist"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetGroups([MarshalAs(UnmanagedType.LPUTF8Str)] string name, uint group, ref uint groups, ref int count);
}
