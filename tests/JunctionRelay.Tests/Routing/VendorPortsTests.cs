using System.Net;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Routing;

/// <summary>Which vendor ports may be dialled, and until when.</summary>
public sealed class VendorPortsTests
{
    private static readonly ITarget One = TestRelay.Tcp(new IPEndPoint(IPAddress.Loopback, 27000));
    private static readonly ITarget Two = TestRelay.Tcp(new DnsEndPoint("lic2", 27000));

    private readonly ManualTime _time = new();

    [Fact]
    public void Only_what_was_named_is_found()
    {
        var ports = Ports();
        Assert.Null(ports.Find(40000));
        var learning = ports.Learn(One, "demod", 40000);
        Assert.True(learning.IsNew);
        Assert.Equal("127.0.0.1:40000", ports.Find(40000)!.Targets[0].Target.Name);
        Assert.Null(ports.Find(40001));
        Assert.False(ports.Learn(One, "demod", 40000).IsNew);
        Assert.Equal("lic2:40001", ports.Learn(Two, "demod", 40001).Port!.Targets.Targets[0].Target.Name);
        Assert.Equal("127.0.0.1:40000", ports.Find(40000)!.Targets[0].Target.Name);
    }

    [Fact]
    public void A_daemon_has_one_port_at_a_server()
    {
        var ports = Ports();
        ports.Learn(One, "demod", 40000);
        ports.Learn(One, "other", 40005);
        ports.Learn(Two, "demod", 40010);
        Assert.Equal(40000, Assert.Single(ports.Learn(One, "demod", 40001).Left).Port);
        Assert.Equal([40001, 40005, 40010], ports.All.Select(p => p.Port).Order());
        Assert.Null(ports.Find(40000));
    }

    [Fact]
    public void A_port_that_two_names_lead_to_stays_until_both_have_left()
    {
        var ports = Ports();
        ports.Learn(One, "demod", 40000);
        ports.Learn(One, "DEMOD", 40000);
        Assert.Empty(ports.Learn(One, "demod", 40001).Left);
        Assert.NotNull(ports.Find(40000));
        Assert.Equal(40000, Assert.Single(ports.Learn(One, "DEMOD", 40001).Left).Port);
    }

    [Fact]
    public void A_port_that_another_server_names_is_that_server_s()
    {
        var ports = Ports();
        ports.Learn(One, "demod", 40000);
        Assert.True(ports.Learn(Two, "demod", 40000).IsNew);
        Assert.Equal("lic2:40000", ports.Find(40000)!.Targets[0].Target.Name);
    }

    [Theory]
    [InlineData(26999, false)]
    [InlineData(27001, true)]
    [InlineData(27010, true)]
    [InlineData(27011, false)]
    [InlineData(40000, true)]
    [InlineData(22, false)]
    public void A_port_outside_the_ranges_is_not_learnt(int port, bool allowed)
    {
        var ports = new VendorPorts([(27001, 27010), (40000, 40000)], _time);
        var learning = ports.Learn(One, "demod", port);
        Assert.Equal(allowed, learning.Port is not null);
        Assert.Equal(allowed, ports.Find(port) is not null);
        if (!allowed) Assert.Equal($"vendor daemon demod is at port {port}, which is not in vendorPorts (27001-27010, 40000)", learning.Refusal);
    }

    [Fact]
    public void What_nobody_uses_is_forgotten_and_what_is_used_is_not()
    {
        var ports = Ports();
        var used = ports.Learn(One, "demod", 40000).Port!;
        ports.Learn(One, "other", 40001);
        used.Targets.Targets[0].ConnectionStarted();
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(VendorPorts.Linger / 2 + TimeSpan.FromSeconds(1));
            ports.Expire();
        }

        Assert.Equal([40000], ports.All.Select(p => p.Port));
        used.Targets.Targets[0].ConnectionEnded();
        _time.Advance(VendorPorts.Linger - TimeSpan.FromSeconds(1));
        Assert.Empty(ports.Expire());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([40000], ports.Expire().Select(p => p.Port));
        Assert.Null(ports.Find(40000));
    }

    [Fact]
    public void A_redirect_or_a_connection_keeps_a_port()
    {
        var ports = Ports();
        ports.Learn(One, "demod", 40000);
        ports.Learn(One, "other", 40001);
        _time.Advance(VendorPorts.Linger - TimeSpan.FromSeconds(1));
        ports.Learn(One, "demod", 40000);
        ports.Find(40001);
        _time.Advance(VendorPorts.Linger - TimeSpan.FromSeconds(1));
        Assert.Empty(ports.Expire());
    }

    [Fact]
    public void Made_up_vendors_fill_no_memory_and_push_out_nothing_that_is_used()
    {
        var ports = Ports();
        var used = ports.Learn(One, "demod", 2000).Port!;
        used.Targets.Targets[0].ConnectionStarted();
        var left = 0;
        for (var i = 0; i < 10_000; i++)
            left += ports.Learn(One, $"v{i}", 3000 + i).Left.Count;
        Assert.Equal(10_001 - VendorPorts.MostPorts, left);
        Assert.Equal(VendorPorts.MostPorts, ports.All.Count);
        Assert.NotNull(ports.Find(2000));

        foreach (var port in ports.All)
            port.Targets.Targets[0].ConnectionStarted();
        Assert.Equal($"{VendorPorts.MostPorts} vendor ports are in use, the most that one relay has", ports.Learn(One, "late", 2001).Refusal);
    }

    [Fact]
    public void A_lost_conversation_is_told_once_until_one_is_followed_again()
    {
        var ports = Ports();
        Assert.True(ports.Lost());
        Assert.False(ports.Lost());
        ports.Learn(One, "demod", 40000);
        Assert.True(ports.Lost());
    }

    private VendorPorts Ports() => new([(1024, 65535)], _time);
}
