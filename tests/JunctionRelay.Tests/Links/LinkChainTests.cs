using JunctionRelay.Connections;
using JunctionRelay.Relay;

namespace JunctionRelay.Tests.Links;

/// <summary>Client, three links, target: the splice of every junction between two streams, all links cut again and again.</summary>
public sealed class LinkChainTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly RelayLimits NoLimits = new(TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), Idle: null, Lifetime: null);

    private readonly LinkPair[] _links = [new(21), new(22), new(23)];
    private readonly List<Task<CloseReason>> _splices = [];

    public async ValueTask InitializeAsync()
    {
        foreach (var link in _links)
            await link.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
            await link.DisposeAsync();
        await Task.WhenAll(_splices).WaitAsync(Patience);
    }

    [Fact]
    public async Task Three_hops_carry_everything_while_all_of_them_are_cut()
    {
        var random = new Random(4);
        foreach (var link in _links)
            link.OnDial = connection => connection.CutAfter(random.Next(1000, 80_000), random.Next(1000, 80_000), random.Next(2) == 0 ? CutKind.Reset : CutKind.End);

        var all = new List<Task>();
        for (var i = 0; i < 8; i++)
        {
            var (client, target) = await ConnectAsync();
            all.AddRange([
                Pattern.SendAsync(client, 2 * i, 300_000), Pattern.CheckAsync(target, 2 * i, 300_000),
                Pattern.SendAsync(target, 2 * i + 1, 300_000), Pattern.CheckAsync(client, 2 * i + 1, 300_000),
            ]);
            foreach (var link in _links)
                link.Connection!.Cut(CutKind.Reset);
        }

        await Task.WhenAll(all).WaitAsync(Patience);
        Assert.All(_links, link => Assert.True(link.Cloud.Resumes > 10, $"only {link.Cloud.Resumes} resumes"));
        Assert.All(await Task.WhenAll(_splices).WaitAsync(Patience), reason => Assert.True(reason.IsClean(), reason.Name()));
    }

    [Fact]
    public async Task A_half_closed_connection_still_gets_its_answer_over_three_hops()
    {
        var (client, target) = await ConnectAsync();
        await client.Output.WriteAsync("request"u8.ToArray());
        await client.CompleteOutputAsync();
        Assert.Equal("request", await target.ReadToEndAsync());
        await target.Output.WriteAsync("answer"u8.ToArray());
        await target.CompleteOutputAsync();
        Assert.Equal("answer", await client.ReadToEndAsync());
        Assert.All(await Task.WhenAll(_splices).WaitAsync(Patience), reason => Assert.Equal(CloseReason.ClientClosed, reason));
    }

    [Theory]
    [InlineData(true, "client-reset")]
    [InlineData(false, "target-reset")]
    public async Task A_reset_has_one_reason_in_the_logs_of_all_hops(bool fromClient, string expected)
    {
        var (client, target) = await ConnectAsync();
        var (first, second) = fromClient ? (client, target) : (target, client);
        await second.Output.WriteAsync("unread"u8.ToArray());
        // In memory a reset of the program shows as a broken wire.
        first.Cut(CutKind.Reset);
        await Assert.ThrowsAnyAsync<IOException>(async () => await second.ReadToEndAsync());
        Assert.All(await Task.WhenAll(_splices).WaitAsync(Patience), reason => Assert.Equal(expected, reason.Name()));
    }

    [Fact]
    public async Task The_last_words_before_a_reset_arrive_over_three_hops()
    {
        var (client, target) = await ConnectAsync();
        await target.Output.WriteAsync("no license for you"u8.ToArray());
        var read = await client.Input.ReadAsync();
        Assert.Equal("no license for you", System.Text.Encoding.UTF8.GetString(read.Buffer.FirstSpan));
        client.Input.AdvanceTo(read.Buffer.End);
        target.Cut(CutKind.Reset);
        await Assert.ThrowsAnyAsync<IOException>(async () => await client.ReadToEndAsync());
    }

    // Client ═ first junction ═ second ═ third ═ fourth ═ target, as the spine would splice them.
    private async Task<(MemoryConnection Client, MemoryConnection Target)> ConnectAsync()
    {
        var (client, accepted) = MemoryConnection.Pair("client", "cloud", 100);
        Connection near = accepted;
        foreach (var link in _links)
        {
            Assert.True(link.Cloud.TryOpen(LinkPair.Open(), out var opened, out var refused), $"refused: {refused}");
            Splice(near, opened);
            near = (await link.HqListener.AcceptAsync().AsTask().WaitAsync(Patience))!;
        }

        var (dialled, target) = MemoryConnection.Pair("hq", "target", 200);
        Splice(near, dialled);
        return (client, target);
    }

    private void Splice(Connection client, Connection target)
    {
        _splices.Add(RunAsync());

        async Task<CloseReason> RunAsync()
        {
            await using (client)
            await using (target)
                return await new Splice(client, target, NoLimits, SocketSettings.Default, TimeProvider.System).RunAsync();
        }
    }
}
