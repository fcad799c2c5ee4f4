using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Links;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Routing;

/// <summary>The service <c>*</c> of a client that knows its server's name and no service.</summary>
public sealed class ServiceTableTests
{
    private readonly ManualTime _time = new();

    [Theory]
    [InlineData("lic1.corp:27000", "lmgrd")]
    [InlineData("LIC1.corp:27000", "lmgrd")]
    [InlineData("lic2.corp:27000", "lmgrd")]
    [InlineData("lic3.corp:8990", "sentieon")]
    public void Who_may_use_a_service_reaches_its_server_by_name(string destination, string service)
    {
        var route = Table(out _).Find(Asking(destination), _ => true);
        Assert.Equal(service, route.Service);
        Assert.Equal(destination, Assert.Single(route.Targets!.Targets).Target.Name, ignoreCase: true);
        Assert.Equal(service == "lmgrd", route.Ports is not null);
    }

    [Theory]
    [InlineData("lic1.corp:27001")]
    [InlineData("lic1:27000")]
    [InlineData("other.corp:27000")]
    [InlineData("unix:/lic1.corp:27000")]
    public void No_other_place_of_that_host_is_reached(string destination) =>
        Assert.Equal(CloseReason.NotPermitted, Table(out _).Find(Asking(destination), _ => true).Reason);

    [Fact]
    public void Who_may_not_use_the_service_does_not() =>
        Assert.Null(Table(out _).Find(Asking("lic1.corp:27000"), service => service == "sentieon").Targets);

    [Fact]
    public void The_vendor_daemon_is_reached_at_the_server_that_named_it_and_no_other()
    {
        var table = Table(out var ports);
        ports.Learn(To("lic2.corp", 27000), "demod", 40000);
        var route = table.Find(Asking("lic2.corp:40000"), _ => true);
        Assert.True(route.IsVendor);
        Assert.Equal(("lmgrd", "lic2.corp:40000"), (route.Service, route.Targets!.Targets[0].Target.Name));
        Assert.Null(table.Find(Asking("lic1.corp:40000"), _ => true).Targets);
        Assert.Null(table.Find(Asking("lic2.corp:40001"), _ => true).Targets);
        Assert.Null(table.Find(Asking("lic2.corp:40000"), service => service == "sentieon").Targets);
    }

    private ServiceTable Table(out VendorPorts ports)
    {
        ports = new VendorPorts([(1024, 65535)], _time);
        return new ServiceTable(
            new Dictionary<string, TargetList> { ["lmgrd"] = List(To("lic1.corp", 27000), To("lic2.corp", 27000)), ["sentieon"] = List(To("lic3.corp", 8990)) },
            new Dictionary<string, VendorPorts> { ["lmgrd"] = ports });
    }

    private static TcpTarget To(string host, int port) => TestRelay.Tcp(new DnsEndPoint(host, port));

    private TargetList List(params ITarget[] targets) => new([.. targets.Select(t => new TargetHealth(t, probed: false))], Balance.Failover, TimeSpan.Zero, _time);

    private static Greeting Asking(string destination) => new() { Service = LinkOpen.AnyService, Destination = Destination.Read(destination) };
}
