using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;
using JunctionRelay.Tests.Links;

namespace JunctionRelay.Tests.Admin;

/// <summary>Links in the metrics: one series for each line of the configuration, however many junctions dial in.</summary>
public sealed class LinkReadingsTests
{
    [Fact]
    public async Task A_dialled_link_and_the_entry_it_dials_in_under_are_up_and_count_streams_and_resumes()
    {
        await using var pair = await new LinkPair().StartAsync();
        var cloud = Plan(pair.CloudOptions, pair.CloudDirectory, dial: ["hq"]);
        var hq = Plan(pair.HqOptions, pair.HqDirectory, peers: ["cl*", "other"]);
        var (stream, _) = await pair.OpenAsync();
        Assert.Equal(new LinkReading("hq", true, 1, null, 0, 0), Assert.Single(LinkReadings.Of(cloud)) with { RoundTrip = null });
        Assert.Equal([new LinkReading("cl*", true, 1, null, 0, 0), new LinkReading("other", false, 0, null, 0, 0)], LinkReadings.Of(hq).Select(r => r with { RoundTrip = null }));

        pair.Connection!.Abort(CloseReason.ClientReset);
        await Eventually.TrueAsync(() => LinkReadings.Of(cloud)[0] is { IsUp: true, Resumes: 1 } && LinkReadings.Of(hq)[0] is { IsUp: true, Resumes: 1 }, () => "no resume is counted");
        pair.Cloud.End(CloseReason.Stopping);
        await Eventually.TrueAsync(() => pair.CloudDirectory.Snapshot().Past.Count == 1, () => "the end is not noticed");
        // A counter never falls, also when the session that was resumed is over.
        Assert.Equal(1, LinkReadings.Of(cloud)[0].Resumes);
        await stream.DisposeAsync();
    }

    [Fact]
    public void Nobody_waits_for_a_junction_to_dial_in_that_we_dial()
    {
        var options = new LinkOptions { Self = new LinkParty("cloud", Guid.NewGuid(), 1), Log = new TestLog() };
        var readings = LinkReadings.Of(Plan(options, new LinkDirectory(), dial: ["hq"], peers: ["hq", "node-*"]));
        Assert.Equal(["hq", "node-*"], readings.Select(r => r.Link));
    }

    private static LinksPlan Plan(LinkOptions options, LinkDirectory directory, string[]? dial = null, string[]? peers = null) => new()
    {
        Options = options,
        Directory = directory,
        Dial = [.. (dial ?? []).Select(d => new DialledLink(d, d, () => throw new NotSupportedException(), TimeSpan.Zero, TimeSpan.Zero))],
        Listen = peers is null ? [] : [new(System.Net.IPAddress.Loopback, 0)],
        Peers = new PeerRules([.. (peers ?? []).Select(p => new PeerRule(p, null, null, null, null, null))]),
        Services = new ServiceTable(new Dictionary<string, TargetList>()),
    };
}
