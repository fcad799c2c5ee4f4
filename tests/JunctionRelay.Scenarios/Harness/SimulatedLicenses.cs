using System.Text.Json;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// The license server of <c>junction simulate-server</c> as a process of its own, the oracle of seats; and its clients, <c>junction simulate-client</c>.
/// </summary>
internal sealed class SimulatedLicenses : IAsyncDisposable
{
    private readonly RealProgram _server;

    private SimulatedLicenses(RealProgram server) => _server = server;

    /// <summary>Starts a server: lmgrd at <paramref name="address"/> and <paramref name="port"/>, its vendor daemon beside it.</summary>
    public static async Task<SimulatedLicenses> Start(string address, int port, int vendorPort, int seats, Host? host = null)
    {
        var bracketed = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        var server = RealProgram.Start(
            JunctionProcess.Binary(),
            ["simulate-server", "--listen", $"{bracketed}:{port}", "--vendor-port", $"{vendorPort}", "--seats", $"{seats}", "--quiet"],
            new ProgramOptions { Host = host ?? Host.Machine, StopSignal = Signal.Kill });
        await server.Listening(vendorPort);
        return new SimulatedLicenses(server);
    }

    /// <summary>Starts a client that checks out <paramref name="seats"/> seats, says <c>held</c>, and holds them until its input ends.</summary>
    public static RealProgram Client(string address, int port, int vendorPort, int seats = 1, Host? host = null)
    {
        var bracketed = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        return RealProgram.Start(
            JunctionProcess.Binary(),
            [
                "simulate-client", "--server", $"{bracketed}:{port}", "--vendor-host", address, "--vendor-port", $"{vendorPort}",
                "--count", $"{seats}", "--heartbeat", "0", "--hold",
            ],
            new ProgramOptions { Host = host ?? Host.Machine, StopSignal = Signal.Kill });
    }

    /// <summary>How many seats the server says are held now.</summary>
    public Task<int> Held() => Ask("counts", Deadline.Soon);

    /// <summary>Waits until so many seats are held, or until the time is over; returns how many are.</summary>
    public Task<int> HeldWithin(int seats, TimeSpan within) =>
        Ask(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"wait {seats} {within.TotalSeconds}"), within + Deadline.Soon);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task<int> Ask(string order, TimeSpan within)
    {
        var before = Answers().Count;
        await _server.Input.WriteLineAsync(order);
        await _server.Input.FlushAsync();
        await Deadline.Until(() => Answers().Count > before, within, $"the license server answers '{order}'", _server.Said);
        using var answer = JsonDocument.Parse(Answers()[before]);
        return answer.RootElement.GetProperty("held").GetInt32();
    }

    private List<string> Answers() => [.. _server.Lines.Where(l => l.Contains("\"held\":", StringComparison.Ordinal))];
}
