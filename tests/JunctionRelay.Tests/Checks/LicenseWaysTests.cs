using JunctionRelay.App.Checks;
using JunctionRelay.Tests.Demo;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Checks;

/// <summary>How many servers of a list, of a triad or of a file must lead to a license, as a client needs them.</summary>
public sealed class LicenseWaysTests
{
    // UP is a server that runs, DOWN a port where nobody listens (tcpmux).
    [Theory]
    [InlineData("UP", 0, 0, 0)]
    [InlineData("DOWN", 11, 1, 0)]
    [InlineData("DOWN:UP", 0, 0, 1)]
    [InlineData("UP:DOWN", 0, 0, 1)]
    [InlineData("DOWN:DOWN", 11, 2, 2)]
    [InlineData("DOWN,UP,UP", 0, 0, 1)]
    [InlineData("DOWN,UP,DOWN", 11, 2, 2)]
    [InlineData("UP,UP,UP", 0, 0, 0)]
    [InlineData("DOWN,DOWN,UP:UP", 0, 0, 2)]
    [InlineData("DOWN,DOWN,UP:DOWN", 11, 3, 3)]
    [InlineData("UP DOWN", 11, 1, 0)]   // two arguments: both are asked for
    public async Task Enough_of_them_must_lead_there(string servers, int exit, int failed, int warnings)
    {
        await using var licenses = new SimulatedPair();
        var arguments = servers.Replace("UP", $"{licenses.Server.EndPoint.Port}@127.0.0.1", StringComparison.Ordinal).Replace("DOWN", "1@127.0.0.1", StringComparison.Ordinal).Split(' ');
        var found = await JunctionProgram.RunAsync(["check", .. arguments, "--vendor", "demod"]);
        Assert.True(found.Exit == exit, $"{found}");
        var lines = found.Output.Split('\n');
        Assert.Equal((failed, warnings), (lines.Count(l => l.StartsWith("  FAILED", StringComparison.Ordinal)), lines.Count(l => l.StartsWith("  warning", StringComparison.Ordinal))));
        await licenses.AssertSeatsAsync(0);
    }

    [Fact]
    public void A_warning_is_no_finding_and_stays_where_it_stopped()
    {
        var trail = new CheckTrail("27000@a") { HasOtherWays = true };
        trail.Fail(CheckHop.Tcp, new CheckFault(11, "refused", "start it"));
        Assert.Null(trail.Failure);
        Assert.Equal(CheckHop.Tcp, trail.Obstacle!.Hop);
        trail.GiveUp();
        Assert.Equal(CheckVerdict.Failed, trail.Failure!.Verdict);
    }
}
