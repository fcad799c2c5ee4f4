using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Links;

/// <summary>Streams whose opener sends nothing until the taker has reached the target: the first credit is the answer.</summary>
public sealed class HeldStreamTests
{
    [Fact]
    public async Task The_opener_is_answered_when_the_taker_says_so_and_not_before()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        Assert.True(target.Open.IsHeld);

        var answered = client.WhenAnswered();
        var writing = client.Output.WriteAsync("payload"u8.ToArray()).AsTask();
        // Whatever is under way has arrived after a round trip.
        await pair.Cloud.PingAsync(CancellationToken.None).WaitAsync(Eventually.Deadline);
        Assert.False(answered.IsCompleted);
        Assert.Equal(0, target.Ledger.Received);

        target.Answer();
        await answered.WaitAsync(Eventually.Deadline);
        await writing.WaitAsync(Eventually.Deadline);
        await client.CompleteOutputAsync();
        Assert.Equal("payload", await target.ReadToEndAsync());
    }

    [Fact]
    public async Task A_server_that_speaks_first_is_heard_behind_the_answer()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        target.Answer();
        await target.Output.WriteAsync("banner"u8.ToArray());
        await target.CompleteOutputAsync();
        await client.WhenAnswered().WaitAsync(Eventually.Deadline);
        Assert.Equal("banner", await client.ReadToEndAsync());
    }

    [Theory]
    [InlineData(nameof(CloseReason.DialRefused))]
    [InlineData(nameof(CloseReason.NotPermitted))]
    [InlineData(nameof(CloseReason.DialTimeout))]
    public async Task A_refusal_is_told_with_its_reason(string name)
    {
        var reason = Enum.Parse<CloseReason>(name);
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        var answered = client.WhenAnswered();
        target.Abort(reason);
        var broken = await Assert.ThrowsAsync<ConnectionBrokenException>(() => answered.WaitAsync(Eventually.Deadline));
        Assert.Equal(reason, broken.Told);
        // Who asks later hears the same.
        Assert.Equal(reason, (await Assert.ThrowsAsync<ConnectionBrokenException>(client.WhenAnswered)).Told);
    }

    [Theory]
    [InlineData(CutKind.Reset)]
    [InlineData(CutKind.End)]
    public async Task An_answer_that_a_cut_has_swallowed_comes_with_the_next_connection(CutKind kind)
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await OpenAsync(pair);
        var answered = client.WhenAnswered();
        pair.IsNetworkUp = false;
        pair.Connection!.Cut(kind);
        target.Answer();
        Assert.False(answered.IsCompleted);
        pair.IsNetworkUp = true;
        await answered.WaitAsync(Eventually.Deadline);
        Assert.True(pair.Cloud.Resumes > 0);
    }

    [Fact]
    public async Task An_answer_is_no_news_to_a_stream_that_is_not_held()
    {
        await using var pair = await new LinkPair().StartAsync();
        var (client, target) = await pair.OpenAsync();
        await client.WhenAnswered().WaitAsync(Eventually.Deadline);
        target.Answer();
        await client.Output.WriteAsync("x"u8.ToArray());
        await client.CompleteOutputAsync();
        Assert.Equal("x", await target.ReadToEndAsync());
    }

    private static async Task<(LinkStream Cloud, LinkStream Hq)> OpenAsync(LinkPair pair)
    {
        Assert.True(pair.Cloud.TryOpen(LinkPair.Open() with { Destination = "lic1.corp:27000", IsHeld = true }, out var cloud, out var refused), $"refused: {refused}");
        return (cloud, Assert.IsType<LinkStream>(await pair.HqListener.AcceptAsync().AsTask().WaitAsync(Eventually.Deadline)));
    }
}
