using System.Globalization;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Pages that watch, scrapers, and readers that never read: relayed connections go on as if nobody looked.</summary>
/// <remarks>Clients, server and readers are processes of their own, ahead of whatever else this machine does (chrt), or the figures would be about that.</remarks>
[Collection(Alone.Name)]
public sealed class AdminReadersDoNotSlowRelaying(ITestOutputHelper output)
{
    private static readonly int Rounds = Scale.Of(ci: 3, full: 9);

    /// <summary>Chance goes away with more rounds, and what readers cost does not.</summary>
    private static readonly int MostRounds = 3 * Rounds;

    private static readonly double Seconds = Scale.Of(ci: 2.0, full: 10.0);

    /// <summary>The promise: ten per cent.</summary>
    private const double Most = 1.1;

    private const string Echo = """
        import asyncio, sys
        async def echo(r, w):
            try:
                while d := await r.read(65536): w.write(d)
            except ConnectionError: pass
            w.close()
        async def main():
            server = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), backlog=2000)
            print("listening", flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """;

    private const string Clients = """
        import asyncio, sys, time
        port, seconds = int(sys.argv[1]), float(sys.argv[2])
        async def speak(times):
            r, w = await asyncio.open_connection("127.0.0.1", port)
            end = time.time() + seconds
            while time.time() < end:
                began = time.perf_counter()
                w.write(b"x" * 100)
                await r.readexactly(100)
                times.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(.005)
            w.close()
        async def main():
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(500)]
            times = []
            await asyncio.gather(*[speak(times) for _ in range(8)])
            print(sorted(times)[len(times) * 99 // 100], flush=True)
        asyncio.run(main())
        """;

    private const string Readers = """
        import asyncio, sys
        async def ask(path, limit=65536):
            r, w = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]), limit=limit)
            w.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return r, w
        async def watch():
            r, w = await ask("/events")
            while await r.read(65536): pass
        async def scrape(path):
            r, w = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
            while True:
                w.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                head = (await r.readuntil(b"\r\n\r\n")).decode().lower()
                await r.readexactly(int(head.split("content-length: ")[1].split("\r")[0]))
                await asyncio.sleep(.5)
        async def main():
            never = [await ask(("/", "/events", "/metrics", "/status")[i % 4], 1) for i in range(16)]
            print("reading", flush=True)
            await asyncio.gather(*[watch() for _ in range(10)], *[scrape(("/", "/metrics", "/status")[i % 3]) for i in range(12)])
        asyncio.run(main())
        """;

    [Fact]
    public async Task The_slowest_round_trips_are_as_fast_with_many_slow_readers()
    {
        int target = FreePort.Next(), relay = FreePort.Next(), admin = FreePort.Next();
        await using var echo = RealProgram.Start("python3", ["-c", Echo, $"{target}"], First(10));
        await echo.Line(l => l == "listening", "that it listens");
        await using var junction = await JunctionProcess.Start(
            $$"""{ "admin": { "listen": "127.0.0.1:{{admin}}" }, "relays": { "r": { "listen": ["127.0.0.1:{{relay}}"], "target": ["127.0.0.1:{{target}}"] } } }""", First(10));
        await junction.Line("admin endpoint listens");
        await SlowestRoundTrips(relay);   // warm
        var (alone, watched) = (new List<double> { await SlowestRoundTrips(relay) }, new List<double>());
        double ratio, chance;
        do
        {
            // In turns, so that what else the machine does meets both alike.
            await using (var readers = RealProgram.Start("python3", ["-c", Readers, $"{admin}"], First(5)))
            {
                await readers.Line(l => l == "reading", "that they read");
                watched.Add(await SlowestRoundTrips(relay));
                Assert.False(readers.HasExited, $"the readers have ended:\n{readers.Said()}");
            }

            alone.Add(await SlowestRoundTrips(relay));
            // Each against what was before and after it; and how far those two are from each other, in which nothing differs but chance.
            ratio = Median(watched.Select((w, i) => w * 2 / (alone[i] + alone[i + 1])));
            chance = Math.Exp(Median(alone.Zip(alone.Skip(1), (before, after) => Math.Abs(Math.Log(after / before)))) / Math.Sqrt(watched.Count));
        }
        while (watched.Count < Rounds || (ratio > Most * chance && watched.Count < MostRounds));

        output.WriteLine($"99 % of round trips within {Text(alone)} ms alone; {Text(watched)} ms with 10 pages, 16 readers that never read and 24 questions a second");
        output.WriteLine($"so {ratio:0.00} times as long, and {chance:0.00} times by chance");
        Assert.InRange(ratio, 0, Most * chance);

        static string Text(IEnumerable<double> times) => string.Join(", ", times.Select(t => t.ToString("0.00", CultureInfo.InvariantCulture)));
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToList() is var sorted && sorted.Count % 2 == 1
        ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;

    // The 99th percentile, in milliseconds.
    private static async Task<double> SlowestRoundTrips(int port) => double.Parse(
        await RealProgram.Succeed("python3", ["-c", Clients, $"{port}", Seconds.ToString(CultureInfo.InvariantCulture)], First(10), Deadline.Start + TimeSpan.FromSeconds(Seconds)), CultureInfo.InvariantCulture);

    // Real-time scheduling, in turns with its like (chrt(1)).
    private static ProgramOptions First(int priority) => new() { Wrapper = ["chrt", "-r", $"{priority}"], StopSignal = Signal.Kill };
}
