using System.Globalization;
using System.Text.Json;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>What the license server has counted.</summary>
/// <param name="Held">Seats that are taken now.</param>
/// <param name="Checkouts">Seats that were ever taken: as many as held, and none has come back in between.</param>
/// <param name="Denied">Clients that got none.</param>
/// <param name="Heartbeats">Signs of life from seats.</param>
internal readonly record struct SeatCounts(int Held, int Checkouts, int Denied, int Heartbeats);

/// <summary>
/// The license server of <c>junction simulate-server</c> as a process of its own, the oracle of seats; and its clients, <c>junction simulate-client</c>.
/// </summary>
internal sealed class SimulatedLicenses : IAsyncDisposable
{
    private readonly RealProgram _server;

    private SimulatedLicenses(RealProgram server) => _server = server;

    /// <summary>Starts a server: lmgrd at <paramref name="address"/> and <paramref name="port"/>, its vendor daemon beside it.</summary>
    /// <param name="vendorPort">0 for whichever is free, as where no license file pins it.</param>
    /// <param name="hostName">What it calls itself, and the redirect names.</param>
    public static async Task<SimulatedLicenses> Start(string address, int port, int vendorPort, int seats, Host? host = null, string hostName = "localhost", string? master = null)
    {
        var bracketed = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        var server = RealProgram.Start(
            JunctionProcess.Binary(),
            [
                "simulate-server", "--listen", $"{bracketed}:{port}", "--vendor-port", $"{vendorPort}", "--seats", $"{seats}", "--quiet", "--host-name", hostName,
                .. master is null ? Array.Empty<string>() : ["--master", master],
            ],
            new ProgramOptions { Host = host ?? Host.Machine, StopSignal = Signal.Kill });
        await server.Listening(vendorPort == 0 ? port : vendorPort);
        return new SimulatedLicenses(server);
    }

    /// <summary>Starts a client that checks out <paramref name="seats"/> seats, says <c>held</c>, and holds them until its input ends.</summary>
    /// <param name="heartbeat">Seconds between the heartbeats of each seat; 0 for none, so that only the connection's end tells.</param>
    public static RealProgram Client(string address, int port, int vendorPort, int seats = 1, Host? host = null, int heartbeat = 0)
    {
        var bracketed = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        return RealProgram.Start(
            JunctionProcess.Binary(),
            [
                "simulate-client", "--server", $"{bracketed}:{port}", "--vendor-host", address, "--vendor-port", $"{vendorPort}",
                "--count", $"{seats}", "--heartbeat", $"{heartbeat}",
                // More patient than a link, which saves its streams for 60 s: a seat that is lost was lost by the link.
                "--limit", "90", "--hold",
            ],
            new ProgramOptions { Host = host ?? Host.Machine, StopSignal = Signal.Kill });
    }

    /// <summary>How many seats the server says are held now.</summary>
    public async Task<int> Held() => (await Counts()).Held;

    /// <summary>What the server has counted so far.</summary>
    public Task<SeatCounts> Counts() => Ask("counts", Deadline.Soon);

    /// <summary>Waits until so many seats are held, or until the time is over; returns how many are.</summary>
    public async Task<int> HeldWithin(int seats, TimeSpan within) =>
        (await Ask(string.Create(CultureInfo.InvariantCulture, $"wait {seats} {within.TotalSeconds}"), within + Deadline.Soon)).Held;

    /// <summary>The vendor daemon listens on another port; unlike at a restart, who holds a seat keeps it. Returns the port.</summary>
    public Task<int> MoveVendor() => VendorElsewhere("move-vendor");

    /// <summary>
    /// The vendor daemon ends and starts again on another port, which the system picks: whoever holds a seat loses it, by the end of the connection or, with <paramref name="reset"/>, its
    /// reset. Returns the port.
    /// </summary>
    public Task<int> RestartVendor(bool reset) => VendorElsewhere(reset ? "restart-vendor reset" : "restart-vendor");

    private async Task<int> VendorElsewhere(string order)
    {
        var before = Vendors().Count;
        await Order(order);
        await Deadline.Until(() => Vendors().Count > before, Deadline.Start, "the vendor daemon listens elsewhere", _server.Said);
        return int.Parse(Vendors()[^1].Split(':')[^1], CultureInfo.InvariantCulture);
    }

    /// <summary>Of a triad: whom this server names as the master from now on.</summary>
    public Task NameMaster(string host) => Order($"master {host}");

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task Order(string order)
    {
        await _server.Input.WriteLineAsync(order);
        await _server.Input.FlushAsync();
    }

    private List<string> Vendors() => [.. _server.Lines.Where(l => l.Contains("\"vendor\":", StringComparison.Ordinal)).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("vendor").GetString()!)];


    private async Task<SeatCounts> Ask(string order, TimeSpan within)
    {
        var before = Answers().Count;
        await Order(order);
        await Deadline.Until(() => Answers().Count > before, within, $"the license server answers '{order}'", _server.Said);
        using var answer = JsonDocument.Parse(Answers()[before]);
        var counts = answer.RootElement;
        return new SeatCounts(Count("held"), Count("checkouts"), Count("denied"), Count("heartbeats"));

        int Count(string name) => counts.GetProperty(name).GetInt32();
    }

    private List<string> Answers() => [.. _server.Lines.Where(l => l.Contains("\"held\":", StringComparison.Ordinal))];
}
