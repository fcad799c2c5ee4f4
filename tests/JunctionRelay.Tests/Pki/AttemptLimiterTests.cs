using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

public sealed class AttemptLimiterTests
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    private static readonly string Us = ClientNetwork.Of(Here)!;
    private readonly ManualTime _time = new();

    [Fact]
    public void Ten_failures_are_free_and_then_one_every_six_seconds()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 1; i <= AttemptLimiter.Burst; i++)
        {
            Assert.Equal(TimeSpan.Zero, limiter.Wait(Us));
            Assert.Equal(i == AttemptLimiter.Burst, limiter.Failed(Us));
        }

        Assert.True(limiter.Wait(Us) > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(ClientNetwork.Of(IPAddress.Parse("192.0.2.2"))));
        _time.Advance(AttemptLimiter.Interval);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(Us));
        limiter.Failed(Us);
        Assert.True(limiter.Wait(Us) > TimeSpan.Zero);
    }

    [Fact]
    public void An_IPv6_network_is_one_address_and_a_mapped_address_is_what_it_is()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 0; i < AttemptLimiter.Burst; i++)
            limiter.Failed(ClientNetwork.Of(IPAddress.Parse($"2001:db8::{i + 1}")));
        Assert.True(limiter.Wait(ClientNetwork.Of(IPAddress.Parse("2001:db8::ffff"))) > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(ClientNetwork.Of(IPAddress.Parse("2001:db8:0:1::1"))));
        for (var i = 0; i < AttemptLimiter.Burst; i++)
            limiter.Failed(ClientNetwork.Of(Here.MapToIPv6()));
        Assert.True(limiter.Wait(Us) > TimeSpan.Zero);
    }

    [Fact]
    public void A_flood_from_everywhere_fills_no_memory_and_frees_nobody_who_waits_longest()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 0; i < 3 * AttemptLimiter.Burst; i++)
            limiter.Failed(Us);
        for (var i = 0; i < 50_000; i++)
            limiter.Failed(ClientNetwork.Of(new IPAddress(0x0A000000 + i)));
        Assert.True(limiter.Wait(Us) > TimeSpan.Zero);
    }

    [Fact]
    public void Who_asks_while_he_waits_is_told_of_at_once_and_then_once_a_minute_with_a_count()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 0; i < AttemptLimiter.Burst; i++)
            limiter.Failed(Us);
        Assert.True(limiter.Waits(Us, out var times));
        Assert.Equal(1, times);
        for (var i = 0; i < 500; i++)
            Assert.False(limiter.Waits(Us, out _));
        _time.Advance(AttemptLimiter.SayAgain);
        Assert.True(limiter.Waits(Us, out times));
        Assert.Equal(501, times);
    }
}
