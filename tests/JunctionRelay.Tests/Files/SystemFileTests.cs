using JunctionRelay.Files;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Files;

/// <summary>A file of the system is replaced with all that belongs to it. Scenarios do the same where it is a mount.</summary>
public sealed class SystemFileTests : IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Mode_and_owner_stay_and_the_old_one_is_kept()
    {
        var path = _folder.Write("hosts", "old");
        File.SetUnixFileMode(path, Mode);
        var owner = FileTraits.OwnerOf(path);
        Assert.Equal((true, path + SystemFile.BackupSuffix), new SystemFile(path).Replace("old"u8, "new"u8));
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Equal("old", File.ReadAllText(path + SystemFile.BackupSuffix));
        Assert.Equal((Mode, Mode), (File.GetUnixFileMode(path), File.GetUnixFileMode(path + SystemFile.BackupSuffix)));
        Assert.NotNull(owner);
        Assert.Equal(owner, FileTraits.OwnerOf(path));
        // Nothing else is left there.
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Root).Length);
    }

    [Fact]
    public void A_link_stays_a_link()
    {
        var path = _folder.Write("real", "old");
        var link = Path.Combine(_folder.Root, "hosts");
        File.CreateSymbolicLink(link, "real");
        Assert.True(new SystemFile(link).Replace("old"u8, "new"u8).IsDone);
        Assert.Equal("real", new FileInfo(link).LinkTarget);
        Assert.Equal("new", File.ReadAllText(path));
    }

    [Fact]
    public void What_somebody_else_changed_meanwhile_is_not_overwritten()
    {
        var path = _folder.Write("hosts", "theirs");
        Assert.False(new SystemFile(path).Replace("old"u8, "new"u8).IsDone);
        Assert.Equal("theirs", File.ReadAllText(path));
    }

    [Fact]
    public void A_missing_one_is_made()
    {
        var path = Path.Combine(_folder.Root, "hosts");
        Assert.Empty(new SystemFile(path).Read());
        Assert.Equal((true, null), new SystemFile(path).Replace(""u8, "new"u8));
        Assert.Equal("new", File.ReadAllText(path));
    }

    [Fact]
    public void A_mount_is_known_for_one()
    {
        Assert.True(SystemFile.IsMount("/proc"));
        Assert.False(SystemFile.IsMount("/proc/version"));
    }
}
