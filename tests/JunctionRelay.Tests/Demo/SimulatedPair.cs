using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.Demo;

namespace JunctionRelay.Tests.Demo;

/// <summary>A simulated server on loopback, ways to be its client, and limits that only a fault can reach.</summary>
internal sealed class SimulatedPair : IAsyncDisposable
{
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private readonly List<SeatChange> _changes = [];

    public SimulatedPair(int seats = 10, TimeSpan? helloLimit = null, IPAddress? address = null, int vendorPort = 0)
    {
        var loopback = address ?? IPAddress.Loopback;
        Server = new SimulatedLicenseServer(new SimulatedServerOptions
        {
            Listen = new IPEndPoint(loopback, 0),
            HostName = loopback.ToString(),
            VendorPort = vendorPort,
            Seats = seats,
            HelloLimit = helloLimit ?? Soon,
            SeatChanged = _changes.Add,
        });
    }

    public SimulatedLicenseServer Server { get; }

    /// <summary>Every change so far; complete once the server is disposed or the counts were awaited.</summary>
    public IReadOnlyList<SeatChange> Changes => _changes;

    public SimulatedClientOptions Client(string user = "alice") => new()
    {
        Server = new DnsEndPoint(Server.EndPoint.Address.ToString(), Server.EndPoint.Port),
        Hello = Hello(user),
        StepLimit = Soon,
    };

    public static WireHello Hello(string user = "alice") => new() { User = user, Host = "node01", Vendor = "demod", ProcessId = "4242" };

    /// <summary>A checkout that must succeed.</summary>
    public async Task<SimulatedSeat> HoldAsync(SimulatedClientOptions? client = null)
    {
        var result = await SimulatedLicenseClient.CheckOutAsync(client ?? Client());
        Assert.Null(result.Failure);
        return result.Seat!;
    }

    /// <summary>A bare connection to the vendor daemon or, by default, to lmgrd.</summary>
    public async Task<Socket> DialAsync(bool vendor = false)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(vendor ? Server.Daemon.EndPoint : Server.EndPoint);
        return socket;
    }

    /// <summary>Everything that arrives until the other side ends cleanly.</summary>
    public static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var all = new MemoryStream();
        var piece = new byte[512];
        while (await socket.ReceiveAsync(piece, SocketFlags.None).WaitAsync(Soon) is > 0 and var read)
            all.Write(piece, 0, read);
        return all.ToArray();
    }

    public static void Reset(Socket socket)
    {
        SimulatedPort.ResetOnClose(socket);
        socket.Dispose();
    }

    public async Task AssertSeatsAsync(int held) =>
        Assert.True(await Server.WaitForSeatsAsync(held, Soon), $"expected {held} seats to be held: {Server.Seats.Counts}");

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
