using System.Globalization;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Demo;

/// <summary>
/// The main job on an embedded default: node, cloud junction ═link═ enterprise junction, license server, in one process but over real sockets,
/// certificates made on the fly in memory. Seats are held, denied, kept through a cut of the link, returned and dropped, and at every step seats
/// must equal clients.
/// </summary>
internal sealed class Demonstration : IAsyncDisposable
{
    private const int SeatCount = 3;
    private const string Cloud = "cloud junction", Enterprise = "enterprise", Daemon = "demod", Node = "node01";
    private const string Lmgrd = "lmgrd", Vendor = "vendor";   // relays of the cloud junction, and services of the enterprise junction
    private const string CloudName = "cloud.demo", EnterpriseName = "enterprise.demo", ServerName = "lic.demo";

    /// <summary>What any single thing may take: far more than it does on a slow machine.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly DemoPage _page;
    private readonly TimeProvider _time;
    private readonly SimulatedLicenseServer _server;
    private readonly DemoJunction _enterprise;
    private readonly DemoJunction _cloud;
    private readonly Dictionary<string, SimulatedSeat> _jobs = [];

    private Demonstration(DemoPage page, TimeProvider time, SimulatedLicenseServer server, DemoJunction enterprise, DemoJunction cloud) =>
        (_page, _time, _server, _enterprise, _cloud) = (page, time, server, enterprise, cloud);

    /// <summary>Shows it all; true only if every license was really held and really returned.</summary>
    public static async Task<bool> RunAsync(DemoPage page, TimeProvider time)
    {
        var started = time.GetTimestamp();
        await using var demonstration = await StartAsync(page, time);
        demonstration.ShowPlaces();
        var good = await demonstration.LinkComesUpAsync()
            && await demonstration.ShowCheckoutAsync("alice")
            && await demonstration.FillSeatsAsync("bob", "carol", "dave")
            && await demonstration.CutLinkAsync()
            && await demonstration.ReturnAsync("bob")
            && await demonstration.CrashAsync("carol")
            && await demonstration.ReturnAsync("alice")
            && demonstration.AllCameBack();
        var seconds = time.GetElapsedTime(started).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        page.Verdict(good, good
            ? $"Every license was really held, through a cut of the link, and really returned, in {seconds} s."
            : $"FAILED after {seconds} s: see the line marked NO.");
        return good;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, seat) in _jobs) await seat.ResetAsync();
        await _cloud.DisposeAsync();
        await _enterprise.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static async Task<Demonstration> StartAsync(DemoPage page, TimeProvider time)
    {
        var server = new SimulatedLicenseServer(new SimulatedServerOptions
        {
            Listen = new IPEndPoint(Machine(4), 0),
            Seats = SeatCount,
            Vendor = Daemon,
            HostName = ServerName,
        });
        DemoJunction? enterprise = null;
        try
        {
            var authority = new DemoAuthority(time);
            enterprise = await StartEnterpriseAsync(authority, server);
            return new Demonstration(page, time, server, enterprise, await StartCloudAsync(authority, server, enterprise));
        }
        catch
        {
            if (enterprise is not null) await enterprise.DisposeAsync();
            await server.DisposeAsync();
            throw;
        }
    }

    private static Task<DemoJunction> StartEnterpriseAsync(DemoAuthority authority, SimulatedLicenseServer server) => DemoJunction.StartAsync(
        new DemoSite(EnterpriseName, CloudName, authority)
        {
            LinkListen = new IPEndPoint(Machine(3), 0),
            Services = [(Lmgrd, server.EndPoint), (Vendor, server.Daemon.EndPoint)],
        });

    private static Task<DemoJunction> StartCloudAsync(DemoAuthority authority, SimulatedLicenseServer server, DemoJunction enterprise)
    {
        // The redirect passes unchanged, so the vendor daemon's port must be the same at the cloud junction.
        var vendorPort = OneAddressForAll ? 0 : server.Daemon.EndPoint.Port;
        return DemoJunction.StartAsync(new DemoSite(CloudName, EnterpriseName, authority)
        {
            Dial = enterprise.LinkAddress,
            Relays = [(Lmgrd, new IPEndPoint(Machine(2), 0)), (Vendor, new IPEndPoint(Machine(2), vendorPort))],
        });
    }

    // Linux and Windows own all of 127.0.0.0/8, so that each machine of the picture has an address; elsewhere they share one.
    private static bool OneAddressForAll => !OperatingSystem.IsLinux() && !OperatingSystem.IsWindows();

    private static IPAddress Machine(int number) => OneAddressForAll ? IPAddress.Loopback : new IPAddress([127, 0, 0, (byte)number]);

    private void ShowPlaces()
    {
        var lmgrd = _cloud.AddressOf(Lmgrd);
        _page.Title("junction demo: licenses checked out through two junctions, over real sockets on this machine");
        _page.Text("");
        _page.Place(Node, "127.0.0.1", $"compute node; its jobs run with LM_LICENSE_FILE={lmgrd.Port}@cloud");
        _page.Way("TCP");
        _page.Place(Cloud, lmgrd.ToString(), $"beside the nodes; also on :{_cloud.AddressOf(Vendor).Port} for the vendor daemon");
        _page.Way($"link: TLS 1.3; {CloudName} and {EnterpriseName} prove who they are by certificates made a moment ago");
        _page.Place(Enterprise, _enterprise.LinkAddress.ToString(), $"beside the license server; lets nobody in but {CloudName}");
        _page.Way("TCP");
        _page.Place(
            "license server", _server.EndPoint.ToString(),
            $"lmgrd; its vendor daemon {Daemon} has {SeatCount} seats on :{_server.Daemon.EndPoint.Port} (simulated)");
    }

    private async Task<bool> LinkComesUpAsync() =>
        await _cloud.LinkIsAsync(up: true, Limit)
        || _page.Proof(false, $"the link does not come up; {Cloud} says: {_cloud.Complaint}{(_enterprise.Complaint is { Length: > 0 } said ? $"; {Enterprise} says: {said}" : "")}");

    private async Task<bool> ShowCheckoutAsync(string user)
    {
        _page.Step($"{user} starts a licensed job on {Node}");
        _page.Hop(Node, Cloud, $"hello: {user} on {Node} wants a license of {Daemon}");
        var options = Options(user);
        var (redirect, failure) = await SimulatedLicenseClient.AskServerAsync(options);
        if (redirect is null) return await FailAsync(failure!);
        if (await EndsAsync() is not var (atCloud, atEnterprise)) return false;
        _page.Hop(Cloud, Enterprise, $"the same {atCloud.ToTarget} bytes in a stream of the link; the certificate says {atEnterprise.Peer}", tls: true);
        _page.Hop(Enterprise, Lmgrd, $"the same {atEnterprise.ToTarget} bytes");
        _page.Hop(Lmgrd, Node, $"{atEnterprise.ToClient} bytes back the same way: your license is at {redirect.Host}:{redirect.Port}");
        if (!_page.Proof(
            (atCloud.ToTarget, atCloud.ToClient) == (atEnterprise.ToTarget, atEnterprise.ToClient) && atEnterprise.Peer == CloudName && _server.Redirects == 1,
            $"lmgrd was asked once, and both junctions carried the same {atCloud.ToTarget} and {atCloud.ToClient} bytes")) return false;

        _page.Hop(Node, Cloud, $"hello again, to port {redirect.Port}: for the nodes, {redirect.Host} is the cloud junction");
        var result = await SimulatedLicenseClient.AskVendorAsync(options, redirect);
        if (result.Seat is not { } seat) return await FailAsync(result.Failure!);
        _jobs[user] = seat;
        _page.Hop(Cloud, Enterprise, "a second stream, which stays for as long as the job holds its license", tls: true);
        _page.Hop(Enterprise, Daemon, "hello");
        _page.Hop(Daemon, Node, $"granted: seat {seat.Number}");
        return await SeatsEqualJobsAsync();
    }

    private async Task<bool> FillSeatsAsync(string second, string third, string oneTooMany)
    {
        _page.Step($"{second} and {third} take the other seats, and {oneTooMany} comes too late");
        foreach (var user in new[] { second, third })
        {
            var result = await SimulatedLicenseClient.CheckOutAsync(Options(user));
            if (result.Seat is not { } seat) return await FailAsync(result.Failure!);
            _jobs[user] = seat;
            _page.Hop(Daemon, Node, $"{user} is granted seat {seat.Number}");
            if (await EndsAsync() is null) return false;
        }

        var denied = (await SimulatedLicenseClient.CheckOutAsync(Options(oneTooMany))).Failure;
        _page.Hop(Daemon, Node, $"{oneTooMany} is denied (FlexNet error {denied?.FlexLmError}): the server's own answer, passed on unchanged");
        if (await EndsAsync() is null || await EndsAsync() is null) return false;
        if (!_page.Proof(denied?.FlexLmError == SimulatedVendorDaemon.AllSeatsTaken, $"{SeatCount} seats, {SeatCount} holders, and nobody else")) return false;
        return await SeatsEqualJobsAsync();
    }

    private async Task<bool> CutLinkAsync()
    {
        _page.Step("the link's TCP connection is reset while they work");
        var before = _server.Seats.Counts;
        _cloud.CutLink();
        if (!await _cloud.LinkIsAsync(up: false, Limit) || !await _enterprise.LinkIsAsync(up: false, Limit)) return _page.Proof(false, "the junctions did not notice");
        _page.Hop(Cloud, Enterprise, "RST: no way through", tls: true);
        var started = _time.GetTimestamp();
        var heartbeats = _jobs.Values.Select(seat => seat.HeartbeatAsync(Limit)).ToList();
        _page.Hop(Node, Cloud, $"{heartbeats.Count} heartbeats, which the cloud junction keeps");
        if (!_page.Proof(
            !heartbeats.Exists(h => h.IsCompleted) && _server.Seats.Counts == before,
            $"no job is told, and the server still has {before.Held} holders")) return false;
        _cloud.MendLink();
        var answered = (await Task.WhenAll(heartbeats)).Count(a => a);
        var passed = _time.GetElapsedTime(started);
        _page.Hop(Cloud, Enterprise, "a new connection, the same link: it goes on where it stopped", tls: true);
        _page.Hop(Daemon, Node, $"{answered} answers, {Milliseconds(passed)} after the heartbeats");
        return _page.Proof(
                answered == heartbeats.Count && _cloud.Resumes == 1 && _server.Seats.Counts == before,
                $"resumed {_cloud.Resumes} time; no seat was returned, none was taken twice")
            && await SeatsEqualJobsAsync();
    }

    private async Task<bool> ReturnAsync(string user)
    {
        _page.Step($"{user}'s job ends and returns its license");
        var started = _time.GetTimestamp();
        var answer = await Take(user).ReturnAsync();
        var passed = _time.GetElapsedTime(started);
        _page.Hop(Node, Daemon, "FIN, as FIN through both junctions");
        _page.Hop(Daemon, Node, answer == ConversationEnd.Fin ? "FIN: the seat is free" : $"no FIN: {SeatLines.Name(answer)}");
        if (await EndsAsync() is not var (atCloud, atEnterprise)) return false;
        return _page.Proof(
                answer == ConversationEnd.Fin && atCloud.Reason == CloseReason.ClientClosed.Name() && atEnterprise.Reason == atCloud.Reason,
                $"free after {Milliseconds(passed)}; the junctions logged {atCloud.Reason} and {atEnterprise.Reason}")
            && await SeatsEqualJobsAsync();
    }

    private async Task<bool> CrashAsync(string user)
    {
        _page.Step($"{user}'s job crashes");
        var before = _server.Seats.Counts.FreedByReset;
        var started = _time.GetTimestamp();
        await Take(user).ResetAsync();
        var free = await _server.Seats.WaitAsync(c => c.FreedByReset == before + 1, Limit);
        var passed = _time.GetElapsedTime(started);
        _page.Hop(Node, Daemon, "RST, as RST through both junctions");
        if (!free) return _page.Proof(false, $"the server saw no RST: {_server.Seats.Counts}");
        if (await EndsAsync() is not var (atCloud, atEnterprise)) return false;
        return _page.Proof(
                atCloud.Reason == CloseReason.ClientReset.Name() && atEnterprise.Reason == atCloud.Reason,
                $"free after {Milliseconds(passed)}; the junctions logged {atCloud.Reason} and {atEnterprise.Reason}")
            && await SeatsEqualJobsAsync();
    }

    private bool AllCameBack()
    {
        var counts = _server.Seats.Counts;
        return counts is { Held: 0, Checkouts: SeatCount, FreedByFin: SeatCount - 1, FreedByReset: 1, Denied: 1 }
            || _page.Proof(false, $"the server's books do not balance: {counts}");
    }

    // The point of it all, shown three ways: the server's books, living clients that get answers through both junctions, the junctions' own tables.
    private async Task<bool> SeatsEqualJobsAsync()
    {
        var expected = _jobs.Count;
        if (!await _server.WaitForSeatsAsync(expected, Limit))
            return _page.Proof(false, $"{expected} jobs run, but {_server.Seats.Counts.Held} seats are held");
        var alive = 0;
        foreach (var (_, seat) in _jobs) alive += await seat.HeartbeatAsync(Limit) ? 1 : 0;
        var atCloud = await _cloud.LiveAsync(Vendor, expected, Limit);
        var atEnterprise = await _enterprise.LiveAsync($"service/{Vendor}", expected, Limit);
        var held = _server.Seats.Counts.Held;
        return _page.Proof(
            held == expected && alive == expected && atCloud == expected && atEnterprise == expected,
            $"seats held: {held} = jobs alive, heartbeats answered: {alive} = connections in each junction: {atCloud}, {atEnterprise}");
    }

    // Both junctions log one line for each connection that ended.
    private async Task<(RelayedEnd Cloud, RelayedEnd Enterprise)?> EndsAsync()
    {
        if (await _cloud.NextEndAsync(Limit) is { } atCloud && await _enterprise.NextEndAsync(Limit) is { } atEnterprise) return (atCloud, atEnterprise);
        _page.Proof(false, "a connection is over, but not at both junctions");
        return null;
    }

    // What the client saw, and what the junctions have to say about it.
    private async Task<bool> FailAsync(CheckoutFailure failure)
    {
        _page.Proof(false, failure.Message);
        foreach (var (name, junction) in new[] { (Cloud, _cloud), (Enterprise, _enterprise) })
        {
            if (await junction.NextEndAsync(TimeSpan.FromSeconds(1)) is { } end) _page.Text($"        {name} logged reason={end.Reason} {end.Detail}");
        }

        return false;
    }

    private SimulatedSeat Take(string user) => _jobs.Remove(user, out var seat) ? seat : throw new InvalidOperationException($"{user} runs no job.");

    private SimulatedClientOptions Options(string user)
    {
        var (lmgrd, vendor) = (_cloud.AddressOf(Lmgrd), _cloud.AddressOf(Vendor));
        return new SimulatedClientOptions
        {
            Server = new DnsEndPoint(lmgrd.Address.ToString(), lmgrd.Port, AddressFamily.InterNetwork),
            // What a line in the nodes' hosts file does in earnest.
            VendorHost = vendor.Address.ToString(),
            VendorPort = OneAddressForAll ? vendor.Port : null,
            Hello = new WireHello { User = user, Host = Node, Vendor = Daemon },
            StepLimit = Limit,
        };
    }

    private static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms");
}
