using JunctionRelay.App.Demo;

namespace JunctionRelay.Tests.Demo;

public sealed class SeatLedgerTests
{
    [Fact]
    public void Seats_are_given_until_none_is_left_and_again_when_one_came_back()
    {
        var ledger = new SeatLedger(2);
        var first = ledger.Take(SimulatedPair.Hello("a"), null)!;
        Assert.NotNull(ledger.Take(SimulatedPair.Hello("b"), null));
        Assert.Null(ledger.Take(SimulatedPair.Hello("c"), null));

        ledger.Free(first, ConversationEnd.Fin);

        Assert.Equal(3, ledger.Take(SimulatedPair.Hello("c"), null)!.Seat);
        Assert.Equal(new SeatCounts { Seats = 2, Held = 2, Checkouts = 3, Denied = 1, FreedByFin = 1 }, ledger.Counts);
        Assert.Equal(["b", "c"], ledger.Holders().Select(h => h.User).Order());
        Assert.Equal((0, 1), (ledger.HeldBy("a", "node01"), ledger.HeldBy("c", "node01")));
    }

    [Fact]
    public void Each_way_of_coming_back_has_its_own_count()
    {
        var ledger = new SeatLedger(5);
        foreach (var end in Enum.GetValues<ConversationEnd>())
            ledger.Free(ledger.Take(SimulatedPair.Hello(), null)!, end);

        Assert.Equal(
            new SeatCounts { Seats = 5, Checkouts = 5, FreedByFin = 1, FreedByReset = 1, FreedBySilence = 1, FreedByGarbage = 1, FreedByServer = 1 },
            ledger.Counts);
        Assert.Equal(5, ledger.Counts.Freed);
    }

    [Fact]
    public void A_seat_cannot_come_back_twice()
    {
        var ledger = new SeatLedger(1);
        var holder = ledger.Take(SimulatedPair.Hello(), null)!;
        ledger.Free(holder, ConversationEnd.Fin);

        Assert.Throws<InvalidOperationException>(() => ledger.Free(holder, ConversationEnd.Reset));
        Assert.Equal(0, ledger.Counts.Held);
    }

    [Fact]
    public async Task Waiting_ends_with_the_change_that_fits_and_says_no_when_none_came()
    {
        var ledger = new SeatLedger(3);
        Assert.True(await ledger.WaitForSeatsAsync(0, TimeSpan.Zero));
        Assert.False(await ledger.WaitForSeatsAsync(1, TimeSpan.FromMilliseconds(20)));

        var two = ledger.WaitForSeatsAsync(2, SimulatedPair.Soon);
        ledger.Take(SimulatedPair.Hello(), null);
        Assert.False(two.IsCompleted);
        ledger.Take(SimulatedPair.Hello(), null);
        Assert.True(await two);
    }

    [Fact]
    public void Changes_are_told_in_order_with_the_counts_of_their_moment()
    {
        var changes = new List<SeatChange>();
        var ledger = new SeatLedger(1, changes.Add);
        var holder = ledger.Take(SimulatedPair.Hello("a"), null)!;
        ledger.Take(SimulatedPair.Hello("b"), null);
        ledger.Free(holder, ConversationEnd.Reset);

        Assert.Equal([SeatChangeKind.Granted, SeatChangeKind.Denied, SeatChangeKind.Freed], changes.Select(c => c.Kind));
        Assert.Equal([1, 1, 0], changes.Select(c => c.Counts.Held));
        Assert.Equal(ConversationEnd.Reset, changes[2].End);
    }
}
