using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links;

public sealed class HandshakeTurnsTests
{
    private readonly HandshakeTurns _turns = new();

    [Fact]
    public void One_network_has_its_share_and_the_others_have_the_rest()
    {
        var mine = Take("a", HandshakeTurns.MostOfOne + 5);
        Assert.Equal(HandshakeTurns.MostOfOne, mine.Count(t => t.IsCompletedSuccessfully));
        for (var i = 1; i < HandshakeTurns.Most / HandshakeTurns.MostOfOne; i++)
            Assert.All(Take($"b{i}", HandshakeTurns.MostOfOne), t => Assert.True(t.IsCompletedSuccessfully));
        Assert.True(_turns.IsFull);
        Assert.False(Take("c", 1)[0].IsCompleted);
    }

    [Fact]
    public async Task Who_came_first_is_next_unless_its_network_has_its_share()
    {
        var a = Take("a", HandshakeTurns.MostOfOne + 2);
        for (var i = 1; i < HandshakeTurns.Most / HandshakeTurns.MostOfOne; i++)
            Take($"b{i}", HandshakeTurns.MostOfOne);
        var c = Take("c", 2);

        // One of another network is over: those of a, who came before c, still have their share.
        _turns.Give("b1");
        await c[0].WaitAsync(Harness.Eventually.Deadline);
        Assert.False(a[^2].IsCompleted);
        _turns.Give("a");
        await a[^2].WaitAsync(Harness.Eventually.Deadline);
        Assert.False(a[^1].IsCompleted || c[1].IsCompleted);
    }

    [Fact]
    public async Task Who_has_given_up_takes_no_turn()
    {
        var a = Take("a", HandshakeTurns.MostOfOne);
        using var stop = new CancellationTokenSource();
        var given = _turns.TakeAsync("a", stop.Token);
        var next = _turns.TakeAsync("a", CancellationToken.None);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        _turns.Give("a");
        await next.WaitAsync(Harness.Eventually.Deadline);
        // All turns come back: as many as at first are free again.
        for (var i = 0; i < a.Count; i++)
            _turns.Give("a");
        Assert.All(Take("a", HandshakeTurns.MostOfOne), t => Assert.True(t.IsCompletedSuccessfully));
    }

    [Fact]
    public void Connections_that_have_not_finished_are_counted_for_each_network_and_in_all()
    {
        for (var i = 0; i < HandshakeTurns.MostGuestsOfOne; i++)
            Assert.True(_turns.TryEnter("a"));
        Assert.False(_turns.TryEnter("a"));
        for (var i = HandshakeTurns.MostGuestsOfOne; i < HandshakeTurns.MostGuests; i++)
            Assert.True(_turns.TryEnter($"b{i}"));
        Assert.False(_turns.TryEnter("c"));
        _turns.Leave("a");
        Assert.True(_turns.TryEnter("c"));
    }

    private List<Task> Take(string network, int times) => [.. Enumerable.Range(0, times).Select(_ => _turns.TakeAsync(network, CancellationToken.None))];
}
