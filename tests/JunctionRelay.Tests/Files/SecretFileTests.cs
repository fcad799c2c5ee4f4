using JunctionRelay.Files;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Files;

/// <summary>Keys are written for their owner alone, and read only where that is still so.</summary>
public sealed class SecretFileTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(OwnerOnly, true)]
    [InlineData(UnixFileMode.UserRead, true)]
    [InlineData(OwnerOnly | UnixFileMode.GroupRead, true)]
    [InlineData(OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, false)]
    [InlineData(OwnerOnly | UnixFileMode.OtherRead, false)]
    [InlineData(OwnerOnly | UnixFileMode.OtherWrite, false)]
    public void A_key_that_others_can_read_or_change_is_refused(UnixFileMode mode, bool fine)
    {
        var file = _folder.Write("key", "secret", mode);
        if (fine)
            Assert.Equal("secret", SecretFile.ReadText(file));
        else
            Assert.Contains($"chmod 600 {file}", Assert.Throws<IOException>(() => SecretFile.ReadText(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_mode_of_the_file_counts_and_not_that_of_a_link_to_it()
    {
        File.CreateSymbolicLink(_folder["link"], _folder.Write("loose", "secret", OwnerOnly | UnixFileMode.OtherRead));
        Assert.Throws<IOException>(() => SecretFile.ReadText(_folder["link"]));
    }

    [Fact]
    public void A_file_is_replaced_as_a_whole_with_its_mode_and_leaves_nothing_behind()
    {
        var file = _folder.Write("key", "old", OwnerOnly | UnixFileMode.OtherRead);
        AtomicFile.Write(file, "new", AtomicFile.Secret);
        Assert.Equal(("new", OwnerOnly), (File.ReadAllText(file), File.GetUnixFileMode(file)));
        Assert.Equal([file], Directory.GetFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void A_link_in_place_of_the_file_is_replaced_and_not_followed()
    {
        var elsewhere = _folder.Write("elsewhere", "untouched");
        File.CreateSymbolicLink(_folder["key"], elsewhere);
        AtomicFile.Write(_folder["key"], "new", AtomicFile.Secret);
        Assert.Equal("untouched", File.ReadAllText(elsewhere));
        Assert.Null(new FileInfo(_folder["key"]).LinkTarget);
    }

    [Fact]
    public void What_cannot_be_replaced_stays_and_leaves_nothing_behind()
    {
        Directory.CreateDirectory(_folder["key"]);
        Assert.ThrowsAny<Exception>(() => AtomicFile.Write(_folder["key"], "new", AtomicFile.Secret));
        Assert.Equal([_folder["key"]], Directory.GetFileSystemEntries(_folder.Root));
    }
}
