using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

public sealed class UsersFileTests
{
    [Fact]
    public void Users_come_from_a_file_or_the_environment()
    {
        using var folder = new ConfigFolder();
        Assert.Equal("wonderland", UsersFile.Read("users", folder.Root, _ => null, out _)!["alice"]);
        var users = UsersFile.Read("env:PROXY_USERS", folder.Root, name => name == "PROXY_USERS" ? "# who\r\nalice:a:b\r\n\r\nbob: c \n" : null, out _)!;
        Assert.Equal([("alice", "a:b"), ("bob", " c ")], users.Select(u => (u.Key, u.Value)));
    }

    [Theory]
    [InlineData("alice", "line 1")]
    [InlineData("alice:", "line 1")]
    [InlineData("a:b\n:secret", "line 2")]
    [InlineData("a:b\na:secret", "'a' twice")]
    [InlineData("# nobody", "no users")]
    public void What_is_wrong_is_told_without_the_password(string text, string words)
    {
        Assert.Null(UsersFile.Read("env:X", "/", _ => text, out var flaw));
        Assert.Contains(words, flaw.What, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", flaw.What + flaw.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_or_password_that_socks_cannot_carry_is_refused() =>
        Assert.Null(UsersFile.Read("env:X", "/", _ => $"a:{new string('x', 256)}", out _));

    [Fact]
    public void A_file_that_everybody_may_read_is_refused()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new ConfigFolder();
        File.SetUnixFileMode(folder.Path("users"), UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Null(UsersFile.Read("users", folder.Root, _ => null, out var flaw));
        Assert.Contains("chmod", flaw.Remedy, StringComparison.Ordinal);
    }
}
