using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Connections;

public sealed class EngineTurnTests
{
    [Fact]
    public async Task What_is_posted_is_done_once_and_in_order()
    {
        await using var turn = new EngineTurn();
        var done = new List<int>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        for (var i = 0; i < 10_000; i++)
        {
            var number = i;
            turn.Post(() =>
            {
                done.Add(number);
                if (number == 9_999) all.SetResult();
            });
        }

        await all.Task.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, 10_000), done);
    }

    [Fact]
    public async Task Each_call_is_heard_also_when_several_threads_call()
    {
        await using var turn = new EngineTurn();
        var done = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var i = 0; i < 1000; i++)
            {
                await Task.Yield();
                turn.Post(() => done++);
            }
        }));
        await Eventually.TrueAsync(() => Volatile.Read(ref done) == 4000, () => $"{done} of 4000 are done");
    }

    [Fact]
    public async Task Work_that_goes_on_turn_after_turn_lets_other_work_in()
    {
        await using var turn = new EngineTurn();
        var (stop, turns) = (false, 0);
        var endless = GoOnAsync();
        var others = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        turn.Post(() => others.SetResult());
        await others.Task.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => Volatile.Read(ref turns) > 10, () => "the endless work stopped");
        Volatile.Write(ref stop, true);
        await endless.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);

        async Task GoOnAsync()
        {
            while (!Volatile.Read(ref stop))
            {
                Volatile.Write(ref turns, turns + 1);
                await turn.NextAsync();
            }
        }
    }

    [Fact]
    public async Task A_share_of_the_turns_of_all_is_one_of_a_few()
    {
        var shares = Enumerable.Range(0, 1000).Select(_ => EngineTurn.Share()).ToHashSet();
        Assert.InRange(shares.Count, 1, Math.Max(1, Environment.ProcessorCount / 2));
        foreach (var share in shares)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            share.Post(done.SetResult);
            await done.Task.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Work_may_dispose_what_it_runs_on()
    {
        var disposed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var turn = new EngineTurn();
        turn.Post(() => _ = DisposeAsync());
        await disposed.Task.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);

        async Task DisposeAsync()
        {
            await turn.DisposeAsync();
            disposed.SetResult();
        }
    }
}
