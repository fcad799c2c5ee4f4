using System.Net;
using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links;

/// <summary>Diallers that do not know of each other spread evenly, and a change moves no more of them than it must.</summary>
public sealed class AddressPreferenceTests
{
    private const int Diallers = 10_000;

    private static readonly IPAddress[] Four = [.. Enumerable.Range(1, 4).Select(i => IPAddress.Parse($"10.0.0.{i}"))];
    private static readonly IPAddress Fifth = IPAddress.Parse("10.0.0.5");

    [Fact]
    public void Diallers_spread_evenly()
    {
        // Ten standard deviations of a fair die.
        foreach (var share in All().CountBy(d => First(d, Four)))
            Assert.InRange(share.Value, (Diallers / 4) - 433, (Diallers / 4) + 433);
    }

    [Fact]
    public void A_new_address_takes_its_share_and_nobody_else_moves()
    {
        var moved = All().Where(d => !First(d, Four).Equals(First(d, [.. Four, Fifth]))).ToList();
        Assert.All(moved, d => Assert.Equal(Fifth, First(d, [.. Four, Fifth])));
        Assert.InRange(moved.Count, (Diallers / 5) - 400, (Diallers / 5) + 400);
    }

    [Fact]
    public void The_order_does_not_depend_on_the_name_servers() =>
        Assert.All(All().Take(100), d => Assert.Equal(AddressPreference.Order(d, Four), AddressPreference.Order(d, [.. Four.Reverse()])));

    [Fact]
    public void The_systems_choice_between_ipv4_and_ipv6_stands()
    {
        var six = IPAddress.Parse("fd00::1");
        Assert.All(All().Take(100), d =>
        {
            Assert.Equal(six, First(d, [six, .. Four]));
            Assert.NotEqual(six, First(d, [.. Four, six]));
            Assert.False(AddressPreference.Prefers(d, six, Four[0]));
        });
    }

    private static IEnumerable<string> All() => Enumerable.Range(0, Diallers).Select(i => $"node-{i}");

    private static IPAddress First(string dialler, IReadOnlyList<IPAddress> addresses) => AddressPreference.Order(dialler, addresses)[0];
}
