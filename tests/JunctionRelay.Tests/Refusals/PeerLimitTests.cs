using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Refusals;

/// <summary>What an entry of <c>peers</c> grants in numbers and places: as many streams as it says, whoever dialled, from where it says.</summary>
public sealed class PeerLimitTests
{
    [Theory]
    [InlineData("link")]
    [InlineData("reverse link")]
    [InlineData("chain")]
    public async Task A_peer_holds_as_many_streams_as_its_entry_grants_and_another_when_one_has_ended(string way)
    {
        await using var site = await RefusalSite.StartAsync(way, "too many streams");
        await site.LinkedAsync();
        var held = new List<(Peer Client, Peer Server)>();
        for (var i = 0; i < RefusalSite.MostStreams; i++) held.Add(await site.HoldAsync("plain relay"));

        foreach (var entrance in site.Entrances) await site.KnockAsync(entrance);
        await site.CloudLog!.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "too-many-streams");
        site.AssertNothingWasDialled();

        held[0].Client.Reset();
        Assert.Equal(SeenEnd.Reset, (await held[0].Server.ReadToEndAsync()).End);
        // The far end knows first: the near one may take a moment to count one less.
        await Eventually.TrueAsync(() => site.CloudLog.Entries.Any(e => e.Name == "connection-ended" && (string)e.Fields["reason"]! == "client-reset"), () => "the reset connection does not end");
        await site.EnterAsync("plain relay");
        foreach (var (client, server) in held)
        {
            client.Dispose();
            server.Dispose();
        }
    }

    [Theory]
    [InlineData("link")]
    [InlineData("reverse link")]
    [InlineData("chain")]
    public async Task A_peer_inside_its_ranges_gets_through(string way)
    {
        await using var site = await RefusalSite.StartAsync(way, "inside range");
        await site.LinkedAsync();
        foreach (var entrance in site.Entrances) await site.EnterAsync(entrance);
    }
}
