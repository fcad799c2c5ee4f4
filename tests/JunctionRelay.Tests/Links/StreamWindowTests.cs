using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links;

/// <summary>The round trip that windows are reckoned with: distance, not queues.</summary>
public sealed class StreamWindowTests
{
    [Fact]
    public void A_shorter_round_trip_counts_at_once() =>
        Assert.Equal(TimeSpan.FromMilliseconds(3), StreamWindow.Distance(TimeSpan.FromMilliseconds(80), TimeSpan.FromMilliseconds(3)));

    [Fact]
    public void The_first_one_counts_as_it_is() => Assert.Equal(TimeSpan.FromMilliseconds(80), StreamWindow.Distance(TimeSpan.Zero, TimeSpan.FromMilliseconds(80)));

    [Fact]
    public void A_minute_of_long_queues_does_not_make_a_short_link_long()
    {
        var distance = TimeSpan.FromMilliseconds(0.1);
        for (var ping = 0; ping < 12; ping++) distance = StreamWindow.Distance(distance, TimeSpan.FromMilliseconds(500));
        Assert.InRange(distance, TimeSpan.FromMilliseconds(0.1), StreamWindow.ShortestRoundTrip);
    }

    [Fact]
    public void A_way_that_became_longer_is_believed_in_the_end()
    {
        var distance = TimeSpan.FromMilliseconds(10);
        for (var ping = 0; ping < 60; ping++) distance = StreamWindow.Distance(distance, TimeSpan.FromMilliseconds(50));
        Assert.InRange(distance, TimeSpan.FromMilliseconds(45), TimeSpan.FromMilliseconds(50));
    }
}
