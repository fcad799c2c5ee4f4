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
        await site.CountedAsync(RefusalSite.MostStreams - 1);
        await site.EnterAsync("plain relay");
        foreach (var (client, server) in held)
        {
            client.Dispose();
            server.Dispose();
        }
    }

    [Theory]
    [InlineData("link")]
    [InlineData("chain")]
    public async Task Its_streams_count_over_all_links_with_it(string way)
    {
        await using var site = await RefusalSite.StartAsync(way, "too many streams");
        await site.LinkedAsync();
        var held = new List<(Peer Client, Peer Server)> { await site.HoldAsync("plain relay") };
        await using (var twin = await site.AnotherCloudAsync())
        {
            for (var i = 1; i < RefusalSite.MostStreams; i++) held.Add(await site.HoldAsync("plain relay", twin));

            await site.KnockAsync("plain relay");
            await site.KnockAsync("plain relay", twin);
            foreach (var log in new[] { site.CloudLog!, twin.Log })
                await log.WaitAsync("connection-ended", e => (string)e.Fields["reason"]! == "too-many-streams");
            await site.Judge.LinkLog.WaitAsync("link-streams-refused", e => e.Message.Contains($"cloud holds {RefusalSite.MostStreams} streams", StringComparison.Ordinal));
            Assert.Equal(2, site.Judge.Counted("linkListen maxStreams"));
            site.AssertNothingWasDialled();

            // One that the twin gives back serves the other, and a link that ends gives back all it held.
            held[^1].Client.Reset();
            Assert.Equal(SeenEnd.Reset, (await held[^1].Server.ReadToEndAsync()).End);
            await site.CountedAsync(RefusalSite.MostStreams - 1);
            held.Add(await site.HoldAsync("plain relay"));
        }

        await Eventually.TrueAsync(() => site.Judge.PeerSessions("cloud") == 1, () => "the twin's session does not end");
        await site.CountedAsync(2);
        for (var i = 2; i < RefusalSite.MostStreams; i++) held.Add(await site.HoldAsync("plain relay"));
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
