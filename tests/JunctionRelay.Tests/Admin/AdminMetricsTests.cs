using System.Diagnostics;
using System.Net;
using JunctionRelay.App.Admin;
using JunctionRelay.App.Demo;
using JunctionRelay.Tests.Demo;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>What the metrics of a whole junction say. Instruments are the process's: beside these tests no other junction may run in it.</summary>
[Collection(Alone.Name)]
public sealed class AdminMetricsTests
{
    [Fact]
    public async Task Metrics_are_there_at_zero_before_anybody_connects()
    {
        await using var junction = await AdminJunction.StartAsync(AdminEndpointTests.Nobody);
        var (status, text) = await junction.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("junction_connections_active{relay=\"lmgrd\"} ", text, StringComparison.Ordinal);
        Assert.Contains("junction_config_reload_success 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_was_not_taken_shows_in_status_and_metrics()
    {
        await using var junction = await AdminJunction.StartAsync(AdminEndpointTests.Nobody);
        junction.Reload.Read(["relays.x (junction.json:3): is no key"]);
        var status = await junction.StatusAsync(s => !s.Configuration.Succeeded);
        Assert.Equal(["relays.x (junction.json:3): is no key"], status.Configuration.Problems);
        await Eventually.TrueAsync(() => !junction.Reload.Last.Succeeded, () => "");
        Assert.Contains("junction_config_reload_success 0\n", (await junction.GetAsync("/metrics")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Seats_are_counted_by_relay_and_vendor_and_stay_at_zero_when_they_are_given_back()
    {
        await using var licenses = new SimulatedPair(address: IPAddress.Parse("127.0.0.2"));
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "127.0.0.1:0" }""",
            $$"""
            "relays": {
              "lmgrd": { "listen": "127.0.0.1:0", "target": "{{licenses.Server.EndPoint}}", "protocol": "flexlm" },
              "lab":   { "listen": "127.0.0.3:0", "target": "{{licenses.Server.EndPoint}}", "protocol": "flexlm" }
            }
            """);
        Assert.DoesNotContain("junction_seats{", (await junction.GetAsync("/metrics")).Text, StringComparison.Ordinal);
        await using (await licenses.HoldAsync(Through("lmgrd")))
        {
            await using (await licenses.HoldAsync(Through("lmgrd")))
            await using (await licenses.HoldAsync(Through("lab")))
                await SeatsAsync(lmgrd: 2, lab: 1);
            await SeatsAsync(lmgrd: 1, lab: 0);
        }

        await SeatsAsync(lmgrd: 0, lab: 0);

        SimulatedClientOptions Through(string relay)
        {
            var address = (IPEndPoint)junction.AddressOf(relay);
            return licenses.Client() with { Server = new DnsEndPoint(address.Address.ToString(), address.Port), VendorHost = address.Address.ToString() };
        }

        async Task SeatsAsync(int lmgrd, int lab)
        {
            string[] wanted = [$"junction_seats{{relay=\"lab\",vendor=\"demod\"}} {lab}", $"junction_seats{{relay=\"lmgrd\",vendor=\"demod\"}} {lmgrd}"];
            for (var watch = Stopwatch.StartNew(); ; await Task.Delay(20))
            {
                string[] found = [.. (await junction.GetAsync("/metrics")).Text.Split('\n').Where(l => l.StartsWith("junction_seats{", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
                if (found.SequenceEqual(wanted)) return;
                if (watch.Elapsed > Eventually.Deadline) Assert.Equal(wanted, found);
            }
        }
    }

    [Fact]
    public async Task Links_certificates_and_services_are_told_with_what_is_wrong_with_them()
    {
        await using var junction = await AdminJunction.StartAsync(
            """{ "listen": "127.0.0.1:0" }""",
            $$"""
            "identity": { "certificate": "certs/cloud.crt", "key": "certs/cloud.key", "trust": "certs/ca.crt" },
            "links": { "hq": { "dial": "{{AdminEndpointTests.Nobody}}" } }, "linkListen": "127.0.0.1:0",
            "peers": { "enterprise": { "services": "lmgrd" }, "node-*": { "services": "lmgrd" } },
            "services": { "lmgrd": { "target": "{{AdminEndpointTests.Nobody}}" } }
            """);
        var status = await junction.StatusAsync(s => s.Links.Any(l => l.Detail?.Contains("refused", StringComparison.Ordinal) == true));
        Assert.Equal("cloud", status.Name);
        // A name in peers is somebody whose absence is news; a pattern is not.
        Assert.Equal([("hq", "out", false), ("enterprise", "in", false)], status.Links.Select(l => (l.Name, l.Direction, l.Up)));
        Assert.Equal(["service/lmgrd"], status.Relays.Select(r => r.Name));
        Assert.Equal(["identity.certificate", "identity.trust"], status.Certificates.Select(c => c.Kind));
        Assert.All(status.Certificates, c => Assert.InRange(c.DaysLeft, 0.5, (c.NotAfter - c.NotBefore).TotalDays));
        // An authority has no name but its common name.
        Assert.All(status.Certificates, c => Assert.NotEmpty(c.Name));
        var metrics = (await junction.GetAsync("/metrics")).Text;
        Assert.Contains("junction_link_up{link=\"hq\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("junction_link_up{link=\"node-*\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("junction_certificate_expiry_timestamp_seconds{kind=\"identity.certificate\"} ", metrics, StringComparison.Ordinal);
        var own = status.Certificates.Single(c => c.Kind == "identity.certificate");
        Assert.Contains($"junction_certificate_lifetime_seconds{{kind=\"identity.certificate\"}} {(long)(own.NotAfter - own.NotBefore).TotalSeconds}\n", metrics, StringComparison.Ordinal);
    }

    /// <summary>What renews itself does so while a third of its life is left: then it is calm. What is renewed by hand is told two weeks ahead.</summary>
    [Theory]
    [InlineData(1, 0.4, "good")]
    [InlineData(1, 0.32, "good")]
    [InlineData(1, 0.24, "near")]
    [InlineData(1, 0.16, "urgent")]
    [InlineData(1, -0.01, "expired")]
    [InlineData(30, 9.9, "good")]
    [InlineData(30, 7.4, "near")]
    [InlineData(30, 2.9, "urgent")]
    [InlineData(3650, 15, "good")]
    [InlineData(3650, 13.9, "near")]
    [InlineData(3650, 3.1, "near")]
    [InlineData(3650, 2.9, "urgent")]
    public void A_certificate_is_judged_by_its_lifetime(double life, double left, string state)
    {
        var now = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var end = now.AddDays(left);
        Assert.Equal(state, new StatusCertificate("identity.certificate", "junction.crt", "node-1", "ca", end.AddDays(-life), end, left).State);
    }
}
