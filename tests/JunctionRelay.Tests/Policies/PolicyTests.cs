using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Policies;

namespace JunctionRelay.Tests.Policies;

public sealed class PolicyTests
{
    [Theory]
    [InlineData("10.128.0.0/20", "10.128.15.255", true)]
    [InlineData("10.128.0.0/20", "10.128.16.0", false)]
    [InlineData("10.128.0.0/20", "::ffff:10.128.3.4", true)]
    [InlineData("192.168.1.7/32", "192.168.1.7", true)]
    [InlineData("192.168.1.7/32", "192.168.1.8", false)]
    [InlineData("fd00::/8", "fdab::1", true)]
    [InlineData("fd00::/8", "fe80::1", false)]
    [InlineData("fe80::/10", "fe80::1%3", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    public void An_address_range_holds_what_rfc_4632_says(string range, string address, bool expected) =>
        Assert.Equal(expected, new CidrSet([IPNetwork.Parse(range)]).Contains(IPAddress.Parse(address)));

    [Fact]
    public void Limits_count_in_all_and_per_client_and_give_back()
    {
        var limits = new ConnectionLimits(inAll: 3, perClient: 2);
        var (a, b) = (IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2"));
        Assert.Null(limits.Take(a));
        Assert.Null(limits.Take(a));
        Assert.Equal(CloseReason.TooManyFromClient, limits.Take(a));
        Assert.Null(limits.Take(b));
        Assert.Equal(CloseReason.TooManyConnections, limits.Take(b));
        Assert.Equal(3, limits.InUse);
        limits.Release(a);
        Assert.Null(limits.Take(a));
        limits.Release(a);
        limits.Release(a);
        limits.Release(b);
        Assert.Equal(0, limits.InUse);
    }

    [Fact]
    public async Task Limits_hold_under_contention()
    {
        var limits = new ConnectionLimits(inAll: 10, perClient: 5);
        var address = IPAddress.Loopback;
        var most = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 20_000), (_, _) =>
        {
            if (limits.Take(address) is null)
            {
                var now = limits.InUse;
                InterlockedMax(ref most, now);
                limits.Release(address);
            }

            return ValueTask.CompletedTask;
        });
        Assert.Equal(0, limits.InUse);
        Assert.InRange(most, 1, 10);
    }

    [Theory]
    [InlineData(1024, 124, 418)]
    [InlineData(524_288, 200, 262_012)]
    [InlineData(256, 250, 1)]
    [InlineData(long.MaxValue, 100, int.MaxValue)]
    public void A_process_takes_no_more_connections_than_its_descriptors_allow(long limit, int open, int expected) =>
        Assert.Equal(expected, DescriptorLimit.MostConnections(limit, open));

    [Theory]
    [InlineData("node-*", "node-17", true)]
    [InlineData("node-*", "NODE-17", true)]
    [InlineData("node-*", "mynode-17", false)]
    [InlineData("spiffe://site/compute/*", "spiffe://site/compute/a", true)]
    [InlineData("cloud", "cloudy", false)]
    [InlineData("node-*", "node-1.partner.example", false)]   // of another authority: a wildcard ends at a dot
    [InlineData("*", "node-1.partner.example", false)]
    [InlineData("*", "node-1", true)]
    [InlineData("node?1", "node.1", false)]
    [InlineData("*.partner.example", "node-1.partner.example", true)]
    [InlineData("*.partner.example", "a.b.partner.example", false)]
    [InlineData("*.*", "a.b", true)]
    [InlineData("*.b", "a/b", false)]
    [InlineData("spiffe://site/compute/*", "spiffe://site/compute/a/admin", false)]
    [InlineData("spiffe://site/*/a", "spiffe://site/x/a", true)]
    [InlineData("spiffe://*", "spiffe://site/a", false)]
    [InlineData("", "", true)]
    [InlineData("*", "a.", false)]
    public void A_pattern_of_certificate_names_matches_the_whole_name_label_by_label(string pattern, string name, bool expected) =>
        Assert.Equal(expected, new PeerNamePatterns([pattern]).Matches(name));

    [Theory]
    [InlineData("*", "jane.doe", true)]
    [InlineData("DOMAIN/*", "domain/jane.doe", true)]
    [InlineData("lmgrd-*", "lmgrd-site.a", true)]
    [InlineData("jane", "jane.doe", false)]
    public void Names_of_users_and_services_have_no_labels(string pattern, string name, bool expected) => Assert.Equal(expected, new NamePatterns([pattern]).Matches(name));

    private static void InterlockedMax(ref int most, int now)
    {
        for (var seen = Volatile.Read(ref most); now > seen; seen = Volatile.Read(ref most))
        {
            if (Interlocked.CompareExchange(ref most, now, seen) == seen) return;
        }
    }

    [Theory]
    [InlineData("node-*", true)]
    [InlineData("*.junction.internal", true)]
    [InlineData("junction.internal/node-*", true)]
    [InlineData("junction.internal/*", true)]
    [InlineData("other.internal/*", false)]
    [InlineData("junction.internal*", false)]   // without a slash it is no SPIFFE ID
    [InlineData("hq", false)]
    public void An_entry_of_peers_is_about_any_name_of_the_certificate(string pattern, bool about)
    {
        var peer = new PeerIdentity("node-07", ["node-07.junction.internal", "spiffe://junction.internal/node-07"], "01", TimeProvider.System.GetUtcNow());
        Assert.Equal(about, new PeerRule(pattern, null, null, null, null, null).IsFor(peer, null));
    }
}
