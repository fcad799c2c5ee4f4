using System.Net;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Checks;

/// <summary>
/// One link, walked hop by hop on a session of its own, which a running junction of the same configuration does not notice: name, TCP, TLS, greeting; then
/// streams over it, whose refusals the far junction explains.
/// </summary>
/// <param name="through">The probe of the link that this one goes through, and the service there; null where it goes by itself.</param>
internal sealed class LinkProbe(LinksPlan plan, DialledLink link, CheckTrail trail, (LinkProbe Link, string Service)? through = null) : IAsyncDisposable
{
    private readonly SocketDialer _dialer = new(SocketSettings.Default);
    private readonly LinkOptions _options = plan.Options with { Resume = TimeSpan.Zero, HelloTimeout = CheckLimits.Greet(link.Addresses.Count) };
    private LinkSession? _session;
    private Task _carrying = Task.CompletedTask;

    private string Self => _options.Self.Name;

    private string Peer => link.Peer;

    /// <summary>
    /// Looks at all addresses at once, and greets the first in their order that leads to the peer: one session, since a second one would end the first. Null when it is up, else what is
    /// wrong with the first of them, which is told.
    /// </summary>
    public async Task<CheckFault?> ConnectAsync(CancellationToken stop)
    {
        var lanes = trail.Lanes(link.Addresses.Count);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var secured = link.Addresses.Select((address, i) => SecureAsync(address, lanes[i], enough.Token)).ToList();
        for (var i = 0; i < secured.Count; i++)
        {
            trail.Tell(lanes[i]);
            if (await secured[i] is not { } connection || !await GreetAsync(connection, lanes[i])) continue;
            await enough.CancelAsync();
            foreach (var other in secured[(i + 1)..]) await LetGoAsync(other);
            return null;
        }

        return trail.NoneLeads(lanes);
    }

    /// <summary>Opens a stream to a service, and waits until the far side has reached its target or says why not.</summary>
    public async Task<DialOutcome> OpenAsync(string service, string? destination, int? vendorPort, CancellationToken stop)
    {
        var open = new LinkOpen(service, ConnectionId.Next().ToGuid(), "junction check", [Self]) { IsHeld = true, IsCheck = true, Destination = destination, VendorPort = vendorPort };
        if (!_session!.TryOpen(open, out var stream, out var refused)) return DialOutcome.Failed(refused, $"{link.Peer} takes no streams");
        try
        {
            await stream.WhenAnswered().WaitAsync(CheckLimits.FarDial, stop);
            return DialOutcome.Connected(stream);
        }
        catch (TimeoutException)
        {
            stream.Abort(CloseReason.ClientLeft);
            return DialOutcome.Failed(CloseReason.DialTimeout, $"{link.Peer} has not reached it within {CheckLimits.FarDial.TotalSeconds:0} s");
        }
        catch (ConnectionBrokenException e)
        {
            return DialOutcome.Failed(e.Told ?? CloseReason.LinkLost, e.Detail.Length > 0 ? e.Detail : e.Told?.Name() ?? e.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_session is not null) await _session.CloseAsync(CloseReason.Stopping, "the check is over");
        await _carrying;
    }

    // Name, TCP and TLS; null where it stops, which is told.
    private async Task<Connection?> SecureAsync(EndPoint address, CheckTrail lane, CancellationToken stop)
    {
        var proxy = link.Proxy(address);
        if (await DialAsync(address, proxy, lane, stop) is not { } dialled) return null;
        var secured = await TlsHandshake.Dialling(LinkConnector.ForLinks(new TlsSettings(plan.Credentials)), link.Peer).RunAsync(dialled, CheckLimits.Handshake, stop);
        if (secured.Connection is not { } connection)
        {
            dialled.Abort(secured.Reason);
            await dialled.DisposeAsync();
            var shown = await TlsFinding.ShownAsync(() => DialAgainAsync(address, proxy, stop), link.Peer, stop);
            lane.Fail(CheckHop.Tls, TlsFinding.Of(secured, shown, plan.Credentials.Now));
            return null;
        }

        lane.Ok(CheckHop.Tls, $"{connection.Peer!.Name}, certificate until {connection.Peer.NotAfter.UtcDateTime:yyyy-MM-dd}, {connection.TlsVersion}");
        if (connection.Peer.NotAfter - TimeProvider.System.GetUtcNow() < TlsFinding.Soon) lane.Warn(CheckHop.Tls, $"the certificate of {link.Peer} expires on {connection.Peer.NotAfter.UtcDateTime:yyyy-MM-dd HH:mm} UTC");
        return connection;
    }

    private async Task<Connection?> DialAsync(EndPoint address, HttpProxy? proxy, CheckTrail lane, CancellationToken stop)
    {
        if (through is var (before, service)) return await DialThroughAsync(before, service, address, lane, stop);
        var host = (proxy?.Address ?? address) is DnsEndPoint named ? named.Host : null;
        var where = proxy is null ? SocketDialer.Text(address) : $"{SocketDialer.Text(address)} through the proxy {SocketDialer.Text(proxy.Address)}";
        if (host is not null)
        {
            var (addresses, why) = await CheckTrail.ResolveAsync(host, stop);
            if (addresses is null)
            {
                lane.Fail(CheckHop.Name, CheckFaults.Way(DialOutcome.Failed(CloseReason.DialUnresolved, why), host, where, CheckFaults.NoConnection));
                return null;
            }

            lane.Ok(CheckHop.Name, $"{host} is {string.Join(", ", addresses)}");
        }

        var outcome = proxy is null ? await _dialer.DialAsync(address, CheckLimits.Connect, stop) : await proxy.ConnectAsync(address, _dialer, CheckLimits.Connect, stop);
        if (outcome.Connection is null) lane.Fail(CheckHop.Tcp, CheckFaults.Way(outcome, host ?? where, where, CheckFaults.NoConnection));
        else lane.Ok(CheckHop.Tcp, $"{where} accepts");
        return outcome.Connection;
    }

    // As the relay does: the junction on the way resolves and dials, as far as its open lists permit.
    private async Task<Connection?> DialThroughAsync(LinkProbe before, string service, EndPoint address, CheckTrail lane, CancellationToken stop)
    {
        var next = SocketDialer.Text(address);
        var outcome = await before.OpenAsync(service, next, null, stop);
        if (outcome.Connection is null)
        {
            var hop = outcome.Reason == CloseReason.DialUnresolved ? CheckHop.Name : CheckFaults.HopOf(outcome.Reason) == CheckHop.Policy ? CheckHop.Policy : CheckHop.Tcp;
            lane.Fail(hop, CheckFaults.Through(outcome, before.Peer, service, Self, next));
            return null;
        }

        lane.Ok(CheckHop.Tcp, $"{next} accepts, dialled by {before.Peer}");
        return outcome.Connection;
    }

    private async Task<Connection?> DialAgainAsync(EndPoint address, HttpProxy? proxy, CancellationToken stop) =>
        through is var (before, service) ? (await before.OpenAsync(service, SocketDialer.Text(address), null, stop)).Connection
        : (proxy is null ? await _dialer.DialAsync(address, CheckLimits.Connect, stop) : await proxy.ConnectAsync(address, _dialer, CheckLimits.Connect, stop)).Connection;

    // Another address has led to the peer: of the others that were dialled beside it, nothing is wanted any more.
    private static async Task LetGoAsync(Task<Connection?> other)
    {
        try
        {
            if (await other is not { } connection) return;
            connection.Abort(CloseReason.ClientLeft);
            await connection.DisposeAsync();
        }
        catch (OperationCanceledException)
        {
            // Still under way.
        }
    }

    private async Task<bool> GreetAsync(Connection connection, CheckTrail lane)
    {
        var transport = new LinkTransport(connection, _options);
        LinkHello? answer = null;
        string? wrong;
        try
        {
            await transport.WriteHelloAsync(new LinkHello { Party = _options.Self, Limits = _options.Limits, Features = _options.Features, Software = _options.Software, Epoch = 1 });
            (answer, wrong) = await transport.ReadHelloAsync();
        }
        catch (IOException e)
        {
            wrong = e.Message;
        }

        if (answer is { Verdict: LinkVerdict.New, Session: { } id })
        {
            lane.Ok(CheckHop.Link, $"{link.Peer} takes us as {Self}{(answer.Software is { } software ? $" ({software})" : "")}");
            _session = new LinkSession(id, isDialler: true, _options, answer, transport.Peer, listener: null);
            _carrying = _session.RunAsync(transport, 1, isResume: false);
            return true;
        }

        await transport.DisposeAsync();
        // In TLS 1.3 the other side judges our certificate after our handshake is over.
        if (answer is null) lane.Fail(CheckHop.Tls, TlsFinding.OfOurs(link.Peer, wrong!, plan.Credentials.Now));
        else lane.Fail(CheckHop.Link, new(ExitCodes.Policy, $"{link.Peer} will not have us: {answer.VerdictText}", $"on {link.Peer}: add an entry for \"{Self}\" to peers", CheckFaults.NoConnection));
        return false;
    }
}
