using JunctionRelay.App.Hosting;
using JunctionRelay.Tests.Harness;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace JunctionRelay.Tests.Hosting;

public sealed class LogLineTests
{
    [Fact]
    public void Nothing_that_a_stranger_said_breaks_the_line_or_reaches_the_terminal_as_a_command()
    {
        var line = new StringWriter();
        var said = "name\r\n2026-01-01 info  forged \e[2J";
        new LogLine(new ManualTime()).Write(
            new LogEntry<string>(LogLevel.Error, "test", default, said, new IOException(said), (state, _) => state), null, line);
        Assert.DoesNotContain('\e', line.ToString());
        Assert.Equal(1, line.ToString().Count(c => c == '\n'));
        Assert.EndsWith("\n", line.ToString(), StringComparison.Ordinal);
    }
}
