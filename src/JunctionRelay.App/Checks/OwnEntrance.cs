using System.Net;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Policies;

namespace JunctionRelay.App.Checks;

/// <summary>The last hop first: through the relay that runs here, as its clients. Only so it is seen whether the vendor port opens.</summary>
internal sealed class OwnEntrance(CheckTrail trail, RelayConfig relay, Asked asked)
{
    private static readonly SocketDialer Dialer = new(SocketSettings.Default);

    // Balancers of this machine begin with a header that says whose connection it is: so do we, and say that it is our own.
    private readonly CidrSet? _balancers = Ranges(relay.ProxyFrom);

    /// <summary>Where a program of this machine finds a relay; null where it has no plain TCP port.</summary>
    public static IPEndPoint? Of(IEnumerable<ListenAddress> listens) =>
        listens.FirstOrDefault(l => l.Scheme.Length == 0 && l.UnixPath is null && !l.Ports.IsAnyFree) is not { } listen ? null
        : new IPEndPoint(
            listen.Address is null || listen.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : listen.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : listen.Address,
            listen.Ports.First);

    public async Task WalkAsync(CancellationToken stop)
    {
        if (Of(asked.Listens) is not { } address)
        {
            trail.Skip(CheckHop.Relay, "its clients speak more than plain TCP: try it with one of them");
            return;
        }

        if (Ranges(relay.Allow) is { } allow && !allow.Contains(address.Address))
        {
            trail.Skip(CheckHop.Relay, "allow does not let this machine itself in: ask from a node, junction check PORT@HOST");
            return;
        }

        // Quietly: each hop was looked at, and what is left is whether the relay does the same.
        var inner = new CheckTrail(trail.Name);
        var isThrough = asked.IsFollowed ? await FollowAsync(address, inner, stop) : await StaysAsync(address, inner, stop);
        if (isThrough) trail.Ok(CheckHop.Relay, asked.IsFollowed ? $"a client at {SocketDialer.Text(address)} gets as far" : $"a client at {SocketDialer.Text(address)} is connected");
        else if (inner.Failure is { Fault: { } fault } failed) trail.Fail(CheckHop.Relay, fault with { Text = $"a client at {SocketDialer.Text(address)} gets to {failed.Hop}: {fault.Text}" });
    }

    private Task<bool> FollowAsync(IPEndPoint address, CheckTrail inner, CancellationToken stop) => new VendorWay(inner, asked.Vendor, "the relay")
    {
        Server = s => DialAsync(address, CheckHop.Tcp, inner, s),
        Named = (_, _) => Task.FromResult(true),
        Daemon = (redirect, s) => DialAsync(new IPEndPoint(address.Address, redirect.Port), CheckHop.VendorPort, inner, s),
    }.WalkAsync(stop);

    // A relay that finds no way resets its client.
    private async Task<bool> StaysAsync(IPEndPoint address, CheckTrail inner, CancellationToken stop)
    {
        if (await DialAsync(address, CheckHop.Tcp, inner, stop) is not { } connection) return false;
        await using (connection)
        {
            using var moment = CancellationTokenSource.CreateLinkedTokenSource(stop);
            moment.CancelAfter(CheckLimits.Greeting);
            try
            {
                await connection.Input.ReadAsync(moment.Token);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // It waits for us to speak.
            }
            catch (ConnectionBrokenException)
            {
                inner.Fail(CheckHop.Dial, new(CommandLine.ExitCodes.Target, "the relay resets it: no way to the target", "its log says why: the reason stands in the line of the connection", CheckFaults.NoData));
                return false;
            }

            await connection.CompleteOutputAsync();
            return true;
        }
    }

    private static CidrSet? Ranges(IReadOnlyList<string>? ranges) => ranges is null ? null : new CidrSet(ranges.Select(r => AddressRange.Read(r, out _)!.Value));

    private async Task<Connection?> DialAsync(IPEndPoint address, string hop, CheckTrail inner, CancellationToken stop)
    {
        var outcome = await Dialer.DialAsync(address, CheckLimits.Connect, stop);
        if (outcome.Connection is { } connection && _balancers?.Contains(address.Address) == true)
            await connection.Output.WriteAsync(ProxyProtocolHeader.Write(1, connection.LocalEndPoint as IPEndPoint, address, default), stop);
        if (outcome.Connection is null && hop == CheckHop.Tcp && outcome.Reason == CloseReason.DialRefused)
        {
            // The port is taken, and nobody is let in: so it is while no target is up.
            inner.Fail(hop, new(
                CommandLine.ExitCodes.Target, "the relay refuses its clients, as it does while no target is up",
                "junction status here says which and why; of a link that the other side dials: the junction there must run and get through", CheckFaults.NoConnection));
        }
        else if (outcome.Connection is null)
            inner.Fail(hop, CheckFaults.Way(outcome, address.ToString(), "this machine", hop == CheckHop.VendorPort ? CheckFaults.VendorDown : CheckFaults.NoConnection));
        return outcome.Connection;
    }
}
