using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Connections;

public sealed class SocketDialerTests
{
    private static readonly SocketDialer Dialer = new(SocketSettings.Default);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task All_addresses_of_a_name_are_tried_whichever_family_answers(string only)
    {
        using var listener = Peer.Listen(IPAddress.Parse(only));
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.IPv6Loopback, IPAddress.Loopback]));
        var outcome = await dialer.DialAsync(new DnsEndPoint("license.test", port), Eventually.Deadline, CancellationToken.None);
        Assert.NotNull(outcome.Connection);
        Assert.Equal(IPAddress.Parse(only), ((IPEndPoint)outcome.Connection.RemoteEndPoint!).Address);
        await outcome.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_listener_may_have_the_port_that_a_dialled_connection_got()
    {
        using var upstream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        upstream.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        upstream.Listen();
        // Somebody else's connection may have the same port, to another destination: not each of many.
        var had = 0;
        for (var i = 0; i < 20; i++)
        {
            var dialled = await new SocketDialer(SocketSettings.Default).DialAsync(upstream.LocalEndPoint!, TimeSpan.FromSeconds(5), CancellationToken.None);
            await using var connection = dialled.Connection!;
            try
            {
                await using var listener = SocketListener.Bind(connection.LocalEndPoint!, SocketSettings.Default);
                had++;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // As said.
            }
        }

        Assert.InRange(had, 1, 20);
    }

    [Fact]
    public async Task An_address_that_swallows_packets_costs_no_more_than_a_moment()
    {
        using var listener = Peer.Listen();
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        // A second address whose port nobody answers: its backlog is full.
        using var black = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        black.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), port));
        black.Listen(0);
        using var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await filler.ConnectAsync(black.LocalEndPoint!);
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.2"), IPAddress.Loopback]));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var outcome = await dialer.DialAsync(new DnsEndPoint("license.test", port), Eventually.Deadline, CancellationToken.None);
        Assert.NotNull(outcome.Connection);
        Assert.Equal(IPAddress.Loopback, ((IPEndPoint)outcome.Connection.RemoteEndPoint!).Address);
        Assert.True(watch.Elapsed > SocketDialer.AttemptDelay / 2, "the first address was not tried at all");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"it cost {watch.Elapsed.TotalSeconds:0.0} s");
        await outcome.Connection.DisposeAsync();
    }

    [Fact]
    public async Task A_name_that_moves_is_followed_at_the_next_dial()
    {
        using var before = Peer.Listen();
        var port = ((IPEndPoint)before.LocalEndPoint!).Port;
        using var after = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        after.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), port));
        after.Listen();
        var answer = IPAddress.Loopback;
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) => Task.FromResult<IPAddress[]>([answer]));
        foreach (var address in new[] { "127.0.0.1", "127.0.0.2" })
        {
            answer = IPAddress.Parse(address);
            var outcome = await dialer.DialAsync(new DnsEndPoint("license.test", port), Eventually.Deadline, CancellationToken.None);
            Assert.Equal(answer, ((IPEndPoint)outcome.Connection!.RemoteEndPoint!).Address);
            await outcome.Connection.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_closed_port_is_refused_and_the_message_names_it()
    {
        var address = new IPEndPoint(IPAddress.Loopback, 1);
        var outcome = await Dialer.DialAsync(address, Eventually.Deadline, CancellationToken.None);
        Assert.Equal((null, CloseReason.DialRefused), (outcome.Connection, outcome.Reason));
        Assert.Contains(address.ToString(), outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_unresolved()
    {
        var outcome = await Dialer.DialAsync(new DnsEndPoint("no-such-host.invalid", 27000), Eventually.Deadline, CancellationToken.None);
        Assert.Equal((null, CloseReason.DialUnresolved), (outcome.Connection, outcome.Reason));
        Assert.Contains("no-such-host.invalid", outcome.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resolver_that_does_not_answer_is_given_up_in_time_and_blamed()
    {
        // The system's own resolver cannot be cancelled once it has begun.
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) => new TaskCompletionSource<IPAddress[]>().Task);
        var outcome = await dialer.DialAsync(new DnsEndPoint("license.test", 27000), TimeSpan.FromMilliseconds(200), CancellationToken.None)
            .AsTask().WaitAsync(Eventually.Deadline);
        Assert.Equal((null, CloseReason.DialUnresolved), (outcome.Connection, outcome.Reason));
        Assert.Equal("the name servers did not answer for license.test within 0.2 s", outcome.Detail);
    }

    [Fact]
    public async Task A_burst_of_dials_of_one_name_waits_for_one_answer()
    {
        using var listener = Peer.Listen();
        var asked = 0;
        var answer = new TaskCompletionSource<IPAddress[]>();
        var dialer = new SocketDialer(SocketSettings.Default, (_, _) =>
        {
            Interlocked.Increment(ref asked);
            return answer.Task;
        });
        var named = new DnsEndPoint("license.test", ((IPEndPoint)listener.LocalEndPoint!).Port);
        var dials = Enumerable.Range(0, 100).Select(_ => dialer.DialAsync(named, Eventually.Deadline, CancellationToken.None).AsTask()).ToList();
        answer.SetResult([IPAddress.Loopback]);
        foreach (var dial in dials) (await dial).Connection!.Abort(CloseReason.Stopping);
        Assert.Equal(1, asked);

        (await dialer.DialAsync(named, Eventually.Deadline, CancellationToken.None)).Connection!.Abort(CloseReason.Stopping);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_host_that_does_not_answer_is_given_up_in_time()
    {
        // A backlog that is full drops further handshakes, as a firewall does.
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var fillers = new List<Socket>();
        DialOutcome outcome;
        do
        {
            outcome = await Dialer.DialAsync(listener.LocalEndPoint!, TimeSpan.FromMilliseconds(300), CancellationToken.None);
            if (outcome.Connection is null) break;
            var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            fillers.Add(filler);
            outcome.Connection.Abort(CloseReason.Stopping);
            try
            {
                await filler.ConnectAsync(listener.LocalEndPoint!).WaitAsync(TimeSpan.FromMilliseconds(300));
            }
            catch (TimeoutException)
            {
                // Full now.
            }
        }
        while (fillers.Count < 50);

        Assert.Equal((null, CloseReason.DialTimeout), (outcome.Connection, outcome.Reason));
        Assert.Contains("0.3 s", outcome.Detail, StringComparison.Ordinal);
        fillers.ForEach(f => f.Dispose());
    }
}
