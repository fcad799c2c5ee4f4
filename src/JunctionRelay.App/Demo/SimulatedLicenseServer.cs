using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.App.Demo;

/// <summary>What a simulated license server is like.</summary>
internal sealed record SimulatedServerOptions
{
    /// <summary>Where lmgrd listens; port 0 for any. <c>[::]</c> takes IPv4 too.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>The vendor daemon's port on the same address; 0 for any.</summary>
    public int VendorPort { get; init; }

    /// <summary>How many clients may hold a seat at once.</summary>
    public int Seats { get; init; } = 10;

    /// <summary>The vendor daemon's name, at most <see cref="WireHello.MostInVendor"/> characters.</summary>
    public string Vendor { get; init; } = "demod";

    /// <summary>The name under which lmgrd sends clients to the vendor daemon: the server's own, not the one that the client had dialled.</summary>
    public string HostName { get; init; } = "localhost";

    /// <summary>The master that lmgrd names to clients that ask for no vendor; null: itself.</summary>
    public string? Master { get; init; }

    /// <summary>How long a client may take for its hello.</summary>
    public TimeSpan HelloLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Called for every change of a seat, in order; must be quick and must not call back (see <see cref="SeatLedger"/>).</summary>
    public Action<SeatChange>? SeatChanged { get; init; }
}

/// <summary>
/// A license server for demonstrations and tests: an lmgrd that reads a client's hello and redirects it, in FlexNet's published framing, and a
/// vendor daemon that hands out a fixed number of seats. <c>Seats held == clients alive</c> is what a relay in between must keep true.
/// </summary>
internal sealed class SimulatedLicenseServer : IAsyncDisposable
{
    // lmgrd closes first. Waiting a moment for the client's own end keeps its late bytes from turning our FIN into a RST.
    private static readonly TimeSpan HangUpLimit = TimeSpan.FromSeconds(5);

    private readonly SimulatedServerOptions _options;
    private readonly SimulatedPort _lmgrd;
    private long _redirects;
    private long _refusedHellos;

    /// <summary>Binds both ports and serves. Throws <see cref="SocketException"/> when one cannot be had.</summary>
    public SimulatedLicenseServer(SimulatedServerOptions options)
    {
        _options = options;
        Master = options.Master ?? options.HostName;
        // A wrong name shows here, not in the first client's face.
        foreach (var name in new[] { options.HostName, Master, options.Vendor })
        {
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or ':'))
                throw new ArgumentException($"\"{name}\" is no name.", nameof(options));
        }

        Seats = new SeatLedger(options.Seats, options.SeatChanged);
        _lmgrd = new SimulatedPort(options.Listen, ConverseAsync);
        try
        {
            Daemon = new SimulatedVendorDaemon(
                options.Vendor, new IPEndPoint(options.Listen.Address, options.VendorPort), Seats, options.HelloLimit);
        }
        catch (SocketException)
        {
            // Nobody can have used it yet, and a constructor cannot wait.
            _ = _lmgrd.StopAsync(reset: false);
            throw;
        }
    }

    /// <summary>Where lmgrd listens.</summary>
    public IPEndPoint EndPoint => _lmgrd.EndPoint;

    /// <summary>The vendor daemon; restart it to change its port.</summary>
    public SimulatedVendorDaemon Daemon { get; }

    /// <summary>The master that lmgrd names to clients that ask for no vendor; in a triad another takes over when it fails.</summary>
    public string Master { get; set; }

    /// <summary>Who holds what.</summary>
    public SeatLedger Seats { get; }

    /// <summary>Clients that lmgrd has sent on.</summary>
    public long Redirects => Interlocked.Read(ref _redirects);

    /// <summary>Connections to lmgrd or the daemon that ended without a hello for this vendor: strangers, port scans, damaged bytes.</summary>
    public long RefusedHellos => Interlocked.Read(ref _refusedHellos) + Daemon.RefusedHellos;

    /// <summary>Waits until exactly <paramref name="held"/> seats are held; false when that did not come within <paramref name="deadline"/>.</summary>
    public Task<bool> WaitForSeatsAsync(int held, TimeSpan deadline) => Seats.WaitForSeatsAsync(held, deadline);

    public async ValueTask DisposeAsync()
    {
        await _lmgrd.DisposeAsync();
        await Daemon.DisposeAsync();
    }

    /// <summary>Ends our direction, then waits for the client's end before the socket is closed.</summary>
    internal static async Task HangUpAsync(Socket socket, MessageReader reader, CancellationToken stopping)
    {
        socket.Shutdown(SocketShutdown.Send);
        await reader.ReadAsync(WireFrame.Read, HangUpLimit, stopping);
    }

    private async Task ConverseAsync(Socket socket, CancellationToken stopping)
    {
        var reader = new MessageReader(socket, WireHello.Bytes);
        var hello = await reader.ReadAsync(WireHello.Read, _options.HelloLimit, stopping);
        if (hello.Message is { Vendor: "" })
        {
            await socket.SendAsync(new WireMaster(Master, _options.Vendor).ToBytes(), SocketFlags.None, stopping);
            await HangUpAsync(socket, reader, stopping);
            return;
        }

        if (hello.Message is null || hello.Message.Vendor != _options.Vendor)
        {
            Interlocked.Increment(ref _refusedHellos);
            return;
        }

        // Counted first: whoever has read the redirect may rely on it.
        Interlocked.Increment(ref _redirects);
        var redirect = new WireRedirect(_options.HostName, Daemon.EndPoint.Port);
        await socket.SendAsync(redirect.ToBytes(), SocketFlags.None, stopping);
        await HangUpAsync(socket, reader, stopping);
    }
}
