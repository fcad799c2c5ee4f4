using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using JunctionRelay.App.Hosting;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using JunctionRelay.Tests.Harness;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Tests.Hosting;

/// <summary>The log on its way out: what a line looks like, and what becomes of lines that nobody takes.</summary>
public sealed class LogOutputTests
{
    private const string Hostile = "name\r\n2026-01-01 info  forged \e[2J\u009b2J\u2028next\u202eback";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_that_a_stranger_said_breaks_the_line_or_reaches_the_terminal_as_a_command(bool json)
    {
        ILogFormat format = json ? new JsonLog() : new TextLog();
        var line = Line(format, LogLevel.Error, new EventId(1, "test"), Hostile, [new("name", Hostile)], new IOException(Hostile));
        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        Assert.DoesNotContain(line[..^1], c => char.IsControl(c) || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator);
        if (json) Assert.Equal(Hostile, JsonDocument.Parse(line).RootElement.GetProperty("name").GetString());
    }

    [Fact]
    public void It_ends_once_however_many_services_it_is()
    {
        var kept = new Kept();
        var output = new LogOutput(kept, new TextLog(), LogLevel.Information, new ManualTime());
        output.CreateLogger("JunctionRelay.Test").Log(LogLevel.Information, default, "the last line", null, (text, _) => text);
        output.Dispose();
        output.Dispose();
        Assert.Contains("the last line", kept.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_of_a_connection_reads_well_as_text_and_has_its_fields_in_json()
    {
        var (text, json) = (new Kept(), new Kept());
        var id = ConnectionId.Next();
        foreach (var (kept, format) in new (Kept, ILogFormat)[] { (text, new TextLog()), (json, new JsonLog()) })
        {
            using var output = new LogOutput(kept, format, LogLevel.Information, new ManualTime());
            output.CreateLogger("JunctionRelay.Relay.Test").ConnectionEnded(LogLevel.Information, id, "lmgrd", "192.0.2.1:5", "cloud", "lic:27000", 147, 28, 1.7004, "client-closed",
                new LicenseHolder("alice", "node 01", "demod", "42"), "");
        }

        Assert.Equal(
            $"2026-01-02T03:04:05.000Z info  end {id} relay=lmgrd client=192.0.2.1:5 peer=cloud target=lic:27000 to_target=147 to_client=28 seconds=1.700 reason=client-closed user=alice host=\"node 01\" vendor=demod pid=42\n", text.Text);
        var line = JsonDocument.Parse(json.Text).RootElement;
        string Field(string name) => line.GetProperty(name).ToString();
        Assert.Equal("2026-01-02T03:04:05.000Z info connection-ended 1000", $"{Field("time")} {Field("level")} {Field("event")} {Field("eventId")}");
        Assert.Equal($"{id} lmgrd 192.0.2.1:5 cloud lic:27000 client-closed", $"{Field("id")} {Field("relay")} {Field("client")} {Field("peer")} {Field("target")} {Field("reason")}");
        Assert.Equal("alice node 01 demod 42", $"{Field("user")} {Field("host")} {Field("vendor")} {Field("pid")}");
        Assert.Equal((147, 28, 1.7004), (line.GetProperty("toTarget").GetInt64(), line.GetProperty("toClient").GetInt64(), line.GetProperty("seconds").GetDouble()));
    }

    [Fact]
    public async Task A_reader_that_stops_holds_up_nobody_and_is_told_how_much_it_missed()
    {
        var kept = new Kept { IsStuck = true };
        using var output = new LogOutput(kept, new TextLog(), LogLevel.Information, TimeProvider.System);
        var log = output.CreateLogger("JunctionRelay.Test");
        for (var i = 0; i < 10_000; i++) log.Ready(i, i);   // would wait for ever
        await Eventually.TrueAsync(() => output.Dropped > 1000, () => $"{output.Dropped} lines are dropped");
        var dropped = output.Dropped;
        kept.IsStuck = false;
        // Told where they are missing, as soon as there is room: in one line or, where the output got stuck while lines were being dropped already, in two.
        int Told() => kept.Text.Split('\n').Where(l => l.Contains("lines of the log were dropped", StringComparison.Ordinal))
            .Sum(l => int.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries).First(w => w.All(char.IsAsciiDigit)), CultureInfo.InvariantCulture));
        await Eventually.TrueAsync(() => Told() == dropped, () => $"{Told()} of {dropped}: {kept.Text}");
        int Shown() => kept.Text.Split('\n').Count(l => l.Contains("ready:", StringComparison.Ordinal));
        await Eventually.TrueAsync(() => Shown() == 10_000 - dropped, () => $"{Shown()} lines are shown, and {dropped} were dropped");
    }

    [Fact]
    public async Task A_disk_that_is_full_for_a_while_costs_the_lines_of_that_while()
    {
        var kept = new Kept { IsFull = true };
        using var output = new LogOutput(kept, new JsonLog(), LogLevel.Information, TimeProvider.System);
        var log = output.CreateLogger("JunctionRelay.Test");
        log.Ready(1, 1);
        await Eventually.TrueAsync(() => output.Dropped == 1, () => "the line is not missed");
        Assert.Equal("No space left on device", output.Failing);
        kept.IsFull = false;
        log.Ready(2, 2);
        await Eventually.TrueAsync(() => kept.Text.Contains("\"event\":\"log-lines-dropped\"", StringComparison.Ordinal), () => kept.Text);
        Assert.Contains("\"relays\":2", kept.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\"relays\":1", kept.Text, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => output.Failing is null, () => "it is said to fail still");
    }

    [Theory]
    [InlineData("debug", true, true)]
    [InlineData(null, false, true)]
    [InlineData("warn", false, false)]
    public void The_level_says_what_is_shown(string? word, bool debug, bool info)
    {
        using var output = new LogOutput(new Kept(), new TextLog(), LogWords.Level(word), TimeProvider.System);
        var log = output.CreateLogger("JunctionRelay.Test");
        Assert.Equal((debug, info, true), (log.IsEnabled(LogLevel.Debug), log.IsEnabled(LogLevel.Information), log.IsEnabled(LogLevel.Error)));
        Assert.False(output.CreateLogger("Microsoft.Hosting.Lifetime").IsEnabled(LogLevel.Error));
    }

    [Fact]
    public void The_journal_is_told_how_grave_a_line_is()
    {
        string Line(LogLevel level) => LogOutputTests.Line(new JournalLog(new TextLog()), level, default, "x", [], null);
        Assert.StartsWith("<4>1970-01-01T00:00:00.000Z warn  x", Line(LogLevel.Warning), StringComparison.Ordinal);
        Assert.StartsWith("<6>", Line(LogLevel.Information), StringComparison.Ordinal);
    }

    [Fact]
    public void Strangers_get_a_burst_of_lines_then_some_a_second_and_what_is_left_out_is_counted()
    {
        var (time, budget) = (new ManualTime(), new LineBudget());
        Assert.Equal(LineBudget.Lines, Enumerable.Range(0, 1000).Count(_ => budget.TryTake(time, out var none) && none == 0L));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(budget.TryTake(time, out var leftOut));
        Assert.Equal(1000 - LineBudget.Lines, leftOut);
        Assert.Equal(LineBudget.Lines - 1, Enumerable.Range(0, 1000).Count(i => budget.TryTake(time, out _)));
    }

    [Fact]
    public void A_line_without_end_is_cut_between_two_characters()
    {
        var kept = new Kept();
        using (var output = new LogOutput(kept, new TextLog(), LogLevel.Information, new ManualTime()))
            output.CreateLogger("JunctionRelay.Test").Log(LogLevel.Information, default, new string('ü', 20_000), null, (text, _) => text);
        Assert.EndsWith("ü…\n", kept.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\ufffd", kept.Text, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(kept.Text), 16_000, 16 * 1024 + 4);
    }

    private static string Line(ILogFormat format, LogLevel level, EventId id, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception)
    {
        var line = new ArrayBufferWriter<byte>();
        format.Write(line, DateTimeOffset.UnixEpoch, level, id, message, fields, exception);
        return Encoding.UTF8.GetString(line.WrittenSpan);
    }

    /// <summary>A standard output that can be stuck or full.</summary>
    private sealed class Kept : MemoryStream
    {
        private readonly ConcurrentQueue<string> _text = new();

        public volatile bool IsStuck;
        public volatile bool IsFull;

        public string Text => string.Concat(_text);

        public override void Write(byte[] buffer, int offset, int count)
        {
            SpinWait.SpinUntil(() => !IsStuck);
            if (IsFull) throw new IOException("No space left on device");
            _text.Enqueue(Encoding.UTF8.GetString(buffer, offset, count));
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);
    }
}
