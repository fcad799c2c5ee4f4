using System.Net;
using JunctionRelay.App.Admin;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using JunctionRelay.Targets;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Admin;

/// <summary>What the instruments say, as Prometheus reads it. Other tests run beside these: each looks at relays and targets of a name of its own.</summary>
public sealed class MetricsTextTests
{
    private readonly string _name = $"r{Guid.NewGuid():N}";

    [Fact]
    public void Connections_bytes_and_denials_are_counted_by_relay_end_direction_and_rule()
    {
        using var metrics = new RelayMetrics();
        using var readings = new MeterReadings();
        metrics.Started(_name);
        metrics.Started(_name);
        metrics.Passed(_name, 10, 20);
        metrics.Ended(_name, CloseReason.ClientClosed);
        metrics.Denied(_name, "peers.node-*");
        Assert.Equal(
            [
                $"junction_bytes_total{{relay=\"{_name}\",direction=\"to_client\"}} 20",
                $"junction_bytes_total{{relay=\"{_name}\",direction=\"to_target\"}} 10",
                $"junction_connections_total{{relay=\"{_name}\",end=\"client-closed\"}} 1",
                $"junction_connections_active{{relay=\"{_name}\"}} 1",
                $"junction_denied_total{{relay=\"{_name}\",rule=\"peers.node-*\"}} 1",
            ],
            Lines(readings));
    }

    [Fact]
    public void What_happened_before_anybody_asked_is_told_as_well()
    {
        using var metrics = new RelayMetrics();
        metrics.Started(_name);
        using var readings = new MeterReadings();
        Assert.Contains($"junction_connections_active{{relay=\"{_name}\"}} 1", Lines(readings));
    }

    [Fact]
    public void A_stream_that_is_renamed_leaves_no_connection_behind_under_its_old_name()
    {
        using var metrics = new RelayMetrics();
        using var readings = new MeterReadings();
        metrics.Started(_name);
        metrics.Renamed(_name, $"service/{_name}");
        Assert.Contains($"junction_connections_active{{relay=\"{_name}\"}} 0", Lines(readings));
        Assert.Contains($"junction_connections_active{{relay=\"service/{_name}\"}} 1", Lines(readings));
    }

    [Fact]
    public void A_histogram_has_its_buckets_its_sum_and_its_count()
    {
        using var metrics = new RelayMetrics();
        using var readings = new MeterReadings();
        metrics.Dialled(_name, TimeSpan.FromMilliseconds(1));
        metrics.Dialled(_name, TimeSpan.FromMilliseconds(300));
        metrics.Dialled(_name, TimeSpan.FromSeconds(99));
        var lines = Lines(readings);
        Assert.Contains($"junction_connect_seconds_bucket{{relay=\"{_name}\",le=\"0.001\"}} 1", lines);
        Assert.Contains($"junction_connect_seconds_bucket{{relay=\"{_name}\",le=\"0.5\"}} 2", lines);
        Assert.Contains($"junction_connect_seconds_bucket{{relay=\"{_name}\",le=\"10\"}} 2", lines);
        Assert.Contains($"junction_connect_seconds_bucket{{relay=\"{_name}\",le=\"+Inf\"}} 3", lines);
        Assert.Contains($"junction_connect_seconds_count{{relay=\"{_name}\"}} 3", lines);
        Assert.Contains($"junction_connect_seconds_sum{{relay=\"{_name}\"}} 99.301", lines);
    }

    [Fact]
    public void A_target_that_two_relays_name_is_one_series_and_down_when_one_says_so()
    {
        var target = new NamedTarget(_name);
        var (first, second) = (new TargetHealth(target, probed: true), new TargetHealth(target, probed: true));
        using var metrics = new TargetMetrics(RelayMetrics.MeterName, () => [first, second, new TargetHealth(new NamedTarget($"{_name}-unasked"), probed: false)]);
        using var readings = new MeterReadings();
        Assert.Equal([$"junction_target_up{{target=\"{_name}\"}} 1"], Lines(readings));
        first.Report(DialOutcome.Failed(CloseReason.DialRefused, "no"));
        first.DialFailed(CloseReason.DialRefused);
        second.DialFailed(CloseReason.DialRefused);
        Assert.Equal(
            [$"junction_dial_failures_total{{target=\"{_name}\",reason=\"dial-refused\"}} 2", $"junction_target_up{{target=\"{_name}\"}} 0"], Lines(readings));
    }

    [Fact]
    public void Certificates_are_told_by_the_key_that_names_them_and_the_first_to_expire_counts()
    {
        var at = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var metrics = new JunctionMetrics(
            new ReloadOutcome(TimeProvider.System), () => [new(_name, "ca.crt", "old", "ca", at.AddDays(-1), at), new(_name, "ca.crt", "new", "ca", at, at.AddYears(1))], () => [new($"{_name} kept", "/k", null), new($"{_name} lost", "/l", "why")]);
        using var readings = new MeterReadings();
        Assert.Equal(
            [$"junction_certificate_expiry_timestamp_seconds{{kind=\"{_name}\"}} {at.ToUnixTimeSeconds()}", $"junction_certificate_lifetime_seconds{{kind=\"{_name}\"}} 86400",
                $"junction_state_write_success{{kind=\"{_name} kept\"}} 1", $"junction_state_write_success{{kind=\"{_name} lost\"}} 0"], Lines(readings));
    }

    [Fact]
    public void What_a_stranger_chose_breaks_no_line()
    {
        using var metrics = new RelayMetrics();
        using var readings = new MeterReadings();
        metrics.Started($"{_name}\"}} 1\nforged 2\\");
        Assert.Equal([$"junction_connections_active{{relay=\"{_name}\\\"}} 1\\nforged 2\\\\\"}} 1"],
            Lines(readings).Where(l => l.StartsWith("junction_connections_active", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Bytes_move_while_a_connection_lives()
    {
        using var upstream = Peer.Listen();
        var time = new ManualTime();
        var plan = TestRelay.Plan([TestRelay.Tcp(upstream.LocalEndPoint!)]) with { Name = _name };
        await using var relay = await TestRelay.StartAsync(plan, time);
        using var client = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        await client.SendAsync(new byte[1000]);
        await server.ReadAsync(1000);
        await Eventually.TrueAsync(() =>
        {
            time.Advance(ConnectionTable.SweepInterval);
            return relay.Service.Metrics.Of(_name).ToTarget == 1000;
        }, () => $"{relay.Service.Metrics.Of(_name).ToTarget} bytes are counted");
        await client.EndAsync();
        await server.EndAsync();
        await relay.EndAsync();
        Assert.Equal(1000, relay.Service.Metrics.Of(_name).ToTarget);
    }

    [Fact]
    public async Task Every_failed_try_of_a_dial_is_counted_under_its_own_target()
    {
        using var upstream = Peer.Listen();
        var closed = new IPEndPoint(IPAddress.Loopback, 1);
        var plan = TestRelay.Plan([TestRelay.Tcp(closed), TestRelay.Tcp(upstream.LocalEndPoint!)]);
        await using var relay = await TestRelay.StartAsync(plan);
        using var client = await Peer.ConnectAsync(relay.Address);
        using var server = await Peer.AcceptAsync(upstream);
        var targets = plan.Services.All.Single().Targets;
        Assert.Equal([(CloseReason.DialRefused, 1L)], targets[0].DialFailures.Select(f => (f.Key, f.Value)));
        Assert.Empty(targets[1].DialFailures);
    }

    private List<string> Lines(MeterReadings readings) =>
        [.. PrometheusText.Write(readings.Read()).ToString().Split('\n').Where(l => l.Contains(_name, StringComparison.Ordinal))];

    private sealed class NamedTarget(string name) : ITarget
    {
        public string Name => name;
        public ValueTask<DialOutcome> DialAsync(DialRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
        public ValueTask<DialOutcome?> ProbeAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
