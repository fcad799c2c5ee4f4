using System.Net;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

public sealed class AttemptLimiterTests
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    private readonly ManualTime _time = new();

    [Fact]
    public void Ten_failures_are_free_and_then_one_every_six_seconds()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 1; i <= AttemptLimiter.Burst; i++)
        {
            Assert.Equal(TimeSpan.Zero, limiter.Wait(Here));
            Assert.Equal(i == AttemptLimiter.Burst, limiter.Failed(Here));
        }

        Assert.True(limiter.Wait(Here) > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(IPAddress.Parse("192.0.2.2")));
        _time.Advance(AttemptLimiter.Interval);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(Here));
        limiter.Failed(Here);
        Assert.True(limiter.Wait(Here) > TimeSpan.Zero);
    }

    [Fact]
    public void An_IPv6_network_is_one_address_and_a_mapped_address_is_what_it_is()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 0; i < AttemptLimiter.Burst; i++)
            limiter.Failed(IPAddress.Parse($"2001:db8::{i + 1}"));
        Assert.True(limiter.Wait(IPAddress.Parse("2001:db8::ffff")) > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(IPAddress.Parse("2001:db8:0:1::1")));
        for (var i = 0; i < AttemptLimiter.Burst; i++)
            limiter.Failed(Here.MapToIPv6());
        Assert.True(limiter.Wait(Here) > TimeSpan.Zero);
    }

    [Fact]
    public void A_flood_from_everywhere_fills_no_memory_and_frees_nobody_who_waits_longest()
    {
        var limiter = new AttemptLimiter(_time);
        for (var i = 0; i < 3 * AttemptLimiter.Burst; i++)
            limiter.Failed(Here);
        for (var i = 0; i < 50_000; i++)
            limiter.Failed(new IPAddress(0x0A000000 + i));
        Assert.True(limiter.Wait(Here) > TimeSpan.Zero);
    }
}
