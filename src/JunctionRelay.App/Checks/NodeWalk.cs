using System.Net;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>The way of a licensed program of this machine: the server's name, its port, and for FlexNet where its redirect leads, as this machine sees it. Needs no configuration.</summary>
internal static class NodeWalk
{
    private static readonly SocketDialer Dialer = new(SocketSettings.Default);

    /// <summary>What a server is called in a check: as in its license variable.</summary>
    public static string NameOf(CheckedServer asked) => asked.Kind == LicenseKind.Sentieon ? Text(asked.Server.Host, asked.Server.Port) : $"{asked.Server.Port}@{asked.Server.Host}";

    /// <summary>Walks to one server of a license.</summary>
    public static async Task ServerAsync(CheckTrail trail, CheckedServer asked, CancellationToken stop)
    {
        var (kind, server, vendor) = (asked.Kind, asked.Server, asked.Vendor);
        if (await AddressesAsync(server.Host, CheckHop.Name, CheckFaults.NoServerName, $"add the junction's address as {server.Host} to /etc/hosts or the DNS, or name the junction itself: {server.Port}@JUNCTION", trail, stop) is not { } junction)
            return;
        if (kind == LicenseKind.FlexNet)
        {
            await new VendorWay(trail, vendor, Text(server.Host, server.Port))
            {
                Server = s => DialAsync(server.Host, server.Port, CheckHop.Tcp, CheckFaults.NoConnection, trail, s),
                Named = (redirect, s) => NamedAsync(redirect, server, junction, trail, s),
                Daemon = (redirect, s) => DialAsync(
                    redirect.Host, redirect.Port, CheckHop.VendorPort, CheckFaults.VendorUnreachable, trail, s, $"{Line(junction, redirect.Host)}, and have the firewall on the way let port {redirect.Port} pass"),
            }.WalkAsync(stop);
        }
        else if (await DialAsync(server.Host, server.Port, CheckHop.Tcp, null, trail, stop) is { } connection)
        {
            await HangUpAsync(connection);
            if (kind == LicenseKind.Sentieon) await SentieonPing.RunAsync(NameOf(asked), trail, stop);
            else await IsvAsync(server.Host, asked.IsvPort, trail, stop);
        }
    }

    // Of what RLM and its ISV servers say nothing is published: two ports that accept are all that can be seen.
    private static async Task IsvAsync(string host, int? port, CheckTrail trail, CancellationToken stop)
    {
        if (port is { } known)
        {
            if (await DialAsync(host, known, CheckHop.VendorPort, null, trail, stop, $"the junction needs a relay for port {known}, too: nothing follows RLM") is not { } connection) return;
            await HangUpAsync(connection);
        }

        trail.Skip(CheckHop.Rlm, RlmUnseen(port is not null));
    }

    /// <summary>What a check of RLM does not show.</summary>
    public static string RlmUnseen(bool isIsvSeen) =>
        $"that {(isIsvSeen ? "both ports accept" : "the port accepts")} is all that was seen: whether RLM answers there{(isIsvSeen ? "" : ", whether its ISV server's own port is reached,")} and whether there is a license, only a licensed program tells";

    private static async Task HangUpAsync(Connection connection)
    {
        await connection.CompleteOutputAsync();
        await connection.DisposeAsync();
    }

    private static async Task<bool> NamedAsync(FlexLmRedirect redirect, LicenseServer server, IReadOnlyList<IPAddress> junction, CheckTrail trail, CancellationToken stop)
    {
        if (await AddressesAsync(redirect.Host, CheckHop.RedirectName, CheckFaults.VendorUnreachable, Line(junction, redirect.Host), trail, stop) is not { } found) return false;
        if (!found.Intersect(junction).Any())
            trail.Warn(CheckHop.RedirectName, $"{redirect.Host} is not what {server.Host} is ({string.Join(", ", junction)}): clients go there, and not to the junction. If that is not meant: {Line(junction, redirect.Host)}");
        return true;
    }

    private static string Line(IReadOnlyList<IPAddress> junction, string host) => $"add to /etc/hosts of this machine: {junction[0]} {host}";

    private static async Task<IReadOnlyList<IPAddress>?> AddressesAsync(string host, string hop, string client, string remedy, CheckTrail trail, CancellationToken stop)
    {
        var (addresses, why) = await CheckTrail.ResolveAsync(host, stop);
        if (addresses is null) trail.Fail(hop, new(ExitCodes.Name, why, remedy, client));
        else trail.Ok(hop, $"{host} is {string.Join(", ", addresses)}");
        return addresses;
    }

    private static async Task<Connection?> DialAsync(string host, int port, string hop, string? client, CheckTrail trail, CancellationToken stop, string? remedy = null)
    {
        var outcome = await Dialer.DialAsync(Destination.Of(host, port) ?? new DnsEndPoint(host, port), CheckLimits.Connect, stop);
        if (outcome.Connection is { } connection)
        {
            if (!trail.Steps.Any(s => s.Hop == hop)) trail.Ok(hop, $"{SocketDialer.Text(connection.RemoteEndPoint!)} accepts");
            return connection;
        }

        var fault = CheckFaults.Way(outcome, host, Text(host, port), hop == CheckHop.VendorPort && outcome.Reason == CloseReason.DialRefused ? CheckFaults.VendorDown : client);
        trail.Fail(hop, remedy is null ? fault : fault with { Remedy = $"{fault.Remedy}; {remedy}" });
        return null;
    }

    private static string Text(string host, int port) => host.Contains(':') ? $"[{host}]:{port}" : $"{host}:{port}";
}
