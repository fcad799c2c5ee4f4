using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.Demo;
using JunctionRelay.Licensing;

namespace JunctionRelay.Tests.Demo;

public sealed class SimulatedLicenseClientTests
{
    [Fact]
    public async Task Each_step_is_told_in_order()
    {
        await using var pair = new SimulatedPair();
        var steps = new List<(CheckoutStep Step, string What)>();
        await using var seat = await pair.HoldAsync(pair.Client() with { StepDone = (step, what) => steps.Add((step, what)) });

        Assert.Equal(Enum.GetValues<CheckoutStep>(), steps.Select(s => s.Step));
        Assert.EndsWith($" -> {pair.Server.EndPoint}", steps[0].What, StringComparison.Ordinal);
        Assert.Equal(pair.Server.Daemon.EndPoint.ToString(), steps[1].What);
        Assert.EndsWith($" -> {pair.Server.Daemon.EndPoint}", steps[2].What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Heartbeats_go_on_by_themselves_while_the_seat_is_held()
    {
        await using var pair = new SimulatedPair();
        await using var seat = await pair.HoldAsync(pair.Client() with { HeartbeatEvery = TimeSpan.FromMilliseconds(10) });

        Assert.True(await seat.HeartbeatAsync(SimulatedPair.Soon));
        await UntilAsync(() => pair.Server.Daemon.Heartbeats >= 3);

        Assert.Equal(ConversationEnd.Fin, await seat.ReturnAsync());
        Assert.False(await seat.HeartbeatAsync(SimulatedPair.Soon));
    }

    [Fact]
    public async Task The_redirects_host_may_be_overruled()
    {
        await using var server = new SimulatedLicenseServer(new SimulatedServerOptions { HostName = "no-such-name.invalid" });
        var options = new SimulatedClientOptions
        {
            Server = new DnsEndPoint("127.0.0.1", server.EndPoint.Port),
            Hello = SimulatedPair.Hello(),
            StepLimit = SimulatedPair.Soon,
        };

        var failed = await SimulatedLicenseClient.CheckOutAsync(options);
        Assert.Equal((CheckoutStep.DialVendor, -96), (failed.Failure!.Step, failed.Failure.FlexLmError));
        Assert.Contains("no-such-name.invalid", failed.Failure.Message, StringComparison.Ordinal);

        var held = await SimulatedLicenseClient.CheckOutAsync(options with { VendorHost = "127.0.0.1" });
        Assert.Null(held.Failure);
        await held.Seat!.DisposeAsync();
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_minus_15()
    {
        await using var pair = new SimulatedPair();
        var options = pair.Client();
        await pair.DisposeAsync();

        var failure = (await SimulatedLicenseClient.CheckOutAsync(options)).Failure!;

        Assert.Equal((CheckoutStep.DialServer, -15), (failure.Step, failure.FlexLmError));
    }

    [Theory]
    [InlineData("", -16)]
    [InlineData("2f471381", -12)]
    [InlineData("2f471381002f01130000000041000000000000006c69632e6578616d706c652e6f72670000009c4100000000005444", -12)]
    [InlineData("485454502f312e3120343030", -12)]
    public async Task What_is_no_redirect_is_refused_with_the_code_of_its_kind(string replyHex, int error)
    {
        using var lmgrd = new TcpListener(IPAddress.Loopback, 0);
        lmgrd.Start();
        var answering = AnswerAsync(lmgrd, Convert.FromHexString(replyHex));

        var failure = (await SimulatedLicenseClient.CheckOutAsync(new SimulatedClientOptions
        {
            Server = new DnsEndPoint("127.0.0.1", ((IPEndPoint)lmgrd.LocalEndpoint).Port),
            Hello = SimulatedPair.Hello(),
            StepLimit = SimulatedPair.Soon,
        })).Failure!;

        Assert.Equal((CheckoutStep.ReadRedirect, error), (failure.Step, failure.FlexLmError));
        await answering;
    }

    [Fact]
    public async Task A_silent_server_does_not_hold_a_client_for_ever()
    {
        using var lmgrd = new TcpListener(IPAddress.Loopback, 0);
        lmgrd.Start();

        var failure = (await SimulatedLicenseClient.CheckOutAsync(new SimulatedClientOptions
        {
            Server = new DnsEndPoint("127.0.0.1", ((IPEndPoint)lmgrd.LocalEndpoint).Port),
            Hello = SimulatedPair.Hello(),
            StepLimit = TimeSpan.FromMilliseconds(100),
        })).Failure!;

        Assert.Equal((CheckoutStep.ReadRedirect, -16), (failure.Step, failure.FlexLmError));
    }

    [Fact]
    public async Task A_daemon_that_leaves_heartbeats_unanswered_has_lost_its_client()
    {
        using var daemon = new TcpListener(IPAddress.Loopback, 0);
        daemon.Start();
        await using var pair = new SimulatedPair();
        var checkingOut = SimulatedLicenseClient.CheckOutAsync(pair.Client() with
        {
            VendorPort = ((IPEndPoint)daemon.LocalEndpoint).Port,
            HeartbeatEvery = TimeSpan.FromMilliseconds(10),
            StepLimit = TimeSpan.FromMilliseconds(500),
        });
        using var socket = await daemon.AcceptSocketAsync();
        await socket.SendAsync(SimulatedFrames.Write(SimulatedFrames.Granted, 1));

        await using var seat = (await checkingOut).Seat!;

        Assert.Equal(ConversationEnd.Silent, await seat.Ended.WaitAsync(SimulatedPair.Soon));
    }

    private static async Task AnswerAsync(TcpListener lmgrd, byte[] reply)
    {
        using var socket = await lmgrd.AcceptSocketAsync();
        var hello = new byte[FlexLmHello.LengthBytes];
        await new NetworkStream(socket).ReadExactlyAsync(hello);
        Assert.Equal(FlexLmParseState.Parsed, FlexLmHello.Parse(hello).State);
        await socket.SendAsync(reply);
        socket.Shutdown(SocketShutdown.Send);
        await SimulatedPair.ReadToEndAsync(socket);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(SimulatedPair.Soon);
        while (!condition())
            await Task.Delay(5, deadline.Token);
    }
}
