using System.Reflection;
using System.Text.Json;
using JunctionRelay.App.Hosting;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Tests.Hosting;

/// <summary>The audit: what is in it, and what becomes of it when its file is in trouble.</summary>
public sealed class AuditStreamTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly TestLog<AuditStreamTests> _log = new();

    private string File => _folder["audit.jsonl"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_event_that_it_lists_exists()
    {
        var known = typeof(JunctionHost).Assembly.GetTypes().Concat(typeof(RelayService).Assembly.GetTypes())
            .SelectMany(t => t.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(m => m.GetCustomAttribute<LoggerMessageAttribute>()?.EventId).OfType<int>().ToHashSet();
        Assert.NotEmpty(AuditStream.Events);
        Assert.Empty(AuditStream.Events.Except(known));
    }

    [Fact]
    public void It_holds_who_used_what_whatever_the_level_of_the_event_and_nothing_else()
    {
        using (var audit = AuditStream.Open(File, _log))
        {
            var log = audit.CreateLogger("JunctionRelay.Test");
            log.Ready(1, 1);
            log.ConnectionOpened(ConnectionId.Next(), "lmgrd", "192.0.2.1:5", "cloud", "lic:27000", "alice");
            log.ConnectionEnded(LogLevel.Debug, ConnectionId.Next(), "lmgrd", "192.0.2.1:5", "cloud", "lic:27000", 1, 2, 3, "client-closed", new LicenseHolder("alice", "node", "demod"), "");
        }

        var lines = Lines();
        Assert.Equal(["connection-opened", "connection-ended"], lines.Select(l => l.GetProperty("event").GetString()));
        Assert.All(lines, l => Assert.Equal("audit", l.GetProperty("level").GetString()));
        Assert.Equal(("alice", "demod"), (lines[1].GetProperty("user").GetString(), lines[1].GetProperty("vendor").GetString()));
        Assert.Equal(UnixFileMode.None, System.IO.File.GetUnixFileMode(File) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite));
    }

    [Fact]
    public async Task A_file_that_was_moved_away_is_followed_by_a_new_one()
    {
        using var audit = AuditStream.Open(File, _log);
        var log = audit.CreateLogger("JunctionRelay.Test");
        log.ServiceResumed("before");
        await Eventually.TrueAsync(() => Lines().Count == 1, () => "the first line is not there");
        System.IO.File.Move(File, File + ".1");
        log.ServiceResumed("after");
        await Eventually.TrueAsync(() => Lines().Count == 1, () => "the second line is not there");
        Assert.Equal("after", Lines()[0].GetProperty("service").GetString());
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_said_once_and_what_is_missing_is_counted()
    {
        Directory.CreateDirectory(File);   // in its place, so that root cannot write it, either
        using var audit = AuditStream.Open(File, _log);
        var log = audit.CreateLogger("JunctionRelay.Test");
        log.ServiceResumed("lost");
        await _log.WaitAsync("audit-not-written");
        await Eventually.TrueAsync(() => audit.Dropped == 1, () => "it is not counted");
        log.ServiceResumed("lost");
        await Eventually.TrueAsync(() => audit.Dropped == 2, () => "it is not counted");
        Assert.Single(_log.Entries);
        Directory.Delete(File);
        log.ServiceResumed("kept");
        await Eventually.TrueAsync(() => Lines().Count == 2, () => "nothing is written again");
        Assert.Equal(2, Lines().Single(l => l.GetProperty("event").GetString() == "log-lines-dropped").GetProperty("lines").GetInt64());
    }

    private List<JsonElement> Lines() =>
        System.IO.File.Exists(File) ? [.. System.IO.File.ReadAllLines(File).Select(l => JsonDocument.Parse(l).RootElement)] : [];
}
