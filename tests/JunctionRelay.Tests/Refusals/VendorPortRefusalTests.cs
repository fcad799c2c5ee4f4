using System.Net;
using System.Net.Sockets;
using JunctionRelay.Tests.Demo;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Refusals;

/// <summary>
/// The one entrance that opens by itself, the vendor port of a followed license server, refuses whom its relay refuses: also who was let in before, and whoever comes past lmgrd.
/// Nobody has a name there, and the server says where it leads: of the offences of the matrix these are left.
/// </summary>
public sealed class VendorPortRefusalTests
{
    [Theory]
    [InlineData("outside range", "connection-refused", "in/vendor address-not-allowed", "127.0.0.3")]
    [InlineData("deny", "connection-ended", "in/vendor auth", "hook ended with 1")]
    [InlineData("hang", "connection-ended", "in/vendor auth", "did not end within 0.3 s")]
    [InlineData("crash", "connection-ended", "in/vendor auth", "hook ended with 137")]
    public async Task Refused_named_and_nothing_is_dialled(string offence, string eventName, string series, string words)
    {
        await using var licenses = new SimulatedPair(address: IPAddress.Parse("127.0.0.2"));
        using var shut = new TestFolder();
        await using var junction = await ConfiguredJunction.StartAsync(
            "hq", $$"""
            "relays": { "in": { "listen": "127.0.0.1:0", "target": "{{licenses.Server.EndPoint}}", "protocol": "flexlm", "healthInterval": "0", "allow": "127.0.0.1/32",
              "auth": { "exec": "hook", "timeout": "{{(offence == "hang" ? "300ms" : "30s")}}" } } }
            """,
            ("hook", $"#!/bin/sh\n[ -e {shut["now"]} ] || exit 0\n" + offence switch { "hang" => "exec sleep 1000", "crash" => "kill -9 $$", _ => "exit 1" } + "\n"));
        var lmgrd = (IPEndPoint)junction.AddressOf("in");
        // A job has a seat: the port is open.
        await using var seat = await licenses.HoldAsync(new()
        {
            Server = new DnsEndPoint("127.0.0.1", lmgrd.Port),
            Hello = SimulatedPair.Hello(),
            StepLimit = SimulatedPair.Soon,
            VendorHost = "127.0.0.1",
        });
        var vendor = (IPEndPoint)Assert.Single(junction.Relays.VendorPorts).Address;
        if (offence != "outside range") shut.Write("now", "");

        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(offence == "outside range" ? "127.0.0.3" : "127.0.0.1"), 0));
        await Assert.ThrowsAnyAsync<SocketException>(async () =>
        {
            await socket.ConnectAsync(vendor);
            await socket.SendAsync(SimulatedPair.Hello("mallory").ToBytes());
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(Eventually.Deadline));
            throw new SocketException((int)SocketError.ConnectionReset);   // an end is a refusal as well as a reset
        });

        await junction.Log.WaitAsync(eventName, e => e.Message.Contains(words, StringComparison.Ordinal));
        await Eventually.TrueAsync(() => junction.Counted(series) == 1, () => $"{series} is {junction.Counted(series)}");
        // The daemon has one conversation, and has heard of nobody else.
        await licenses.AssertSeatsAsync(1);
        Assert.DoesNotContain(licenses.Changes, c => c.ToString()!.Contains("mallory", StringComparison.Ordinal));
        Assert.Equal(0, licenses.Server.Daemon.RefusedHellos);
        Assert.True(await seat.HeartbeatAsync(SimulatedPair.Soon));
    }
}
