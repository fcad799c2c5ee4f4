using System.Text.Json;
using JunctionRelay.App.Demo;

namespace JunctionRelay.Tests.Demo;

public sealed class SeatLinesTests
{
    [Fact]
    public async Task Every_kind_of_line_is_one_JSON_object_that_names_its_event()
    {
        await using var pair = new SimulatedPair(seats: 1);
        var seat = await pair.HoldAsync();
        await SimulatedLicenseClient.CheckOutAsync(pair.Client("bob \"x\"\n"));
        await seat.ReturnAsync();

        string[] lines =
        [
            SeatLines.Listening(pair.Server), .. pair.Changes.Select(SeatLines.Change), SeatLines.Counts(pair.Server),
            SeatLines.Counts(pair.Server, met: false), SeatLines.Error("it \"broke\""),
        ];

        Assert.All(lines, line => Assert.DoesNotContain('\n', line));
        var objects = lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(
            ["listening", "granted", "denied", "freed", "counts", "waited", "error"], objects.Select(o => o.GetProperty("event").GetString()));
        Assert.Equal(("alice", 1), (objects[1].GetProperty("user").GetString(), objects[1].GetProperty("held").GetInt32()));
        Assert.False(objects[2].TryGetProperty("seat", out _));
        Assert.Equal(("fin", 0), (objects[3].GetProperty("by").GetString(), objects[3].GetProperty("held").GetInt32()));
        Assert.Equal((1, 1, 2), (objects[4].GetProperty("denied").GetInt32(), objects[4].GetProperty("freedByFin").GetInt32(), objects[4].GetProperty("redirects").GetInt32()));
        Assert.False(objects[5].GetProperty("met").GetBoolean());
    }
}
