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
    private readonly LinkOptions _options = plan.Options with { Resume = TimeSpan.Zero, HelloTimeout = CheckLimits.Handshake };
    private LinkSession? _session;
    private Task _carrying = Task.CompletedTask;

    private string Self => _options.Self.Name;

    private string Peer => link.Peer;

    /// <summary>Goes round the addresses until one leads to the peer. False when none does, which is told.</summary>
    public async Task<bool> ConnectAsync(CancellationToken stop)
    {
        (string Hop, CheckFault Fault)? first = null;
        foreach (var (address, at) in link.Addresses.Select((a, i) => (a, i)))
        {
            var failed = await ConnectAsync(address, stop);
            if (failed is not { } failure) return true;
            first ??= failure;
            if (at < link.Addresses.Count - 1) trail.Warn(failure.Hop, $"{SocketDialer.Text(address)}: {failure.Fault.Text}; the next address is tried");
        }

        trail.Fail(first!.Value.Hop, first.Value.Fault);
        return false;
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

    // Null when the session is up.
    private async Task<(string Hop, CheckFault Fault)?> ConnectAsync(EndPoint address, CancellationToken stop)
    {
        var proxy = link.Proxy(address);
        var (dialled, dialFault) = await DialAsync(address, proxy, stop);
        if (dialled is null) return dialFault;

        var started = TimeProvider.System.GetTimestamp();
        var secured = await TlsHandshake.Dialling(LinkConnector.ForLinks(new TlsSettings(plan.Credentials)), link.Peer).RunAsync(dialled, CheckLimits.Handshake, stop);
        if (secured.Connection is not { } connection)
        {
            dialled.Abort(secured.Reason);
            await dialled.DisposeAsync();
            var shown = await TlsFinding.ShownAsync(() => DialAgainAsync(address, proxy, stop), link.Peer, stop);
            return (CheckHop.Tls, TlsFinding.Of(secured, shown, plan.Credentials.Now));
        }

        trail.Ok(CheckHop.Tls, $"{connection.Peer!.Name}, certificate until {connection.Peer.NotAfter.UtcDateTime:yyyy-MM-dd}, {connection.TlsVersion}", TimeProvider.System.GetElapsedTime(started));
        if (connection.Peer.NotAfter - TimeProvider.System.GetUtcNow() < TlsFinding.Soon) trail.Warn(CheckHop.Tls, $"the certificate of {link.Peer} expires on {connection.Peer.NotAfter.UtcDateTime:yyyy-MM-dd HH:mm} UTC");
        return await GreetAsync(connection);
    }

    private async Task<(Connection? Connection, (string, CheckFault) Fault)> DialAsync(EndPoint address, HttpProxy? proxy, CancellationToken stop)
    {
        if (through is var (before, service)) return await DialThroughAsync(before, service, address, stop);
        var host = (proxy?.Address ?? address) is DnsEndPoint named ? named.Host : null;
        var where = proxy is null ? SocketDialer.Text(address) : $"{SocketDialer.Text(address)} through the proxy {SocketDialer.Text(proxy.Address)}";
        if (host is not null)
        {
            var (addresses, why, time) = await CheckTrail.ResolveAsync(host, stop);
            if (addresses is null) return (null, (CheckHop.Name, CheckFaults.Way(DialOutcome.Failed(CloseReason.DialUnresolved, why), host, where, CheckFaults.NoConnection)));
            trail.Ok(CheckHop.Name, $"{host} is {string.Join(", ", addresses)}", time);
        }

        var started = TimeProvider.System.GetTimestamp();
        var outcome = proxy is null ? await _dialer.DialAsync(address, CheckLimits.Connect, stop) : await proxy.ConnectAsync(address, _dialer, CheckLimits.Connect, stop);
        if (outcome.Connection is null) return (null, (CheckHop.Tcp, CheckFaults.Way(outcome, host ?? where, where, CheckFaults.NoConnection)));
        trail.Ok(CheckHop.Tcp, $"{where} accepts", TimeProvider.System.GetElapsedTime(started));
        return (outcome.Connection, default);
    }

    // As the relay does: the junction on the way resolves and dials, as far as its open lists permit.
    private async Task<(Connection? Connection, (string, CheckFault) Fault)> DialThroughAsync(LinkProbe before, string service, EndPoint address, CancellationToken stop)
    {
        var (next, started) = (SocketDialer.Text(address), TimeProvider.System.GetTimestamp());
        var outcome = await before.OpenAsync(service, next, null, stop);
        if (outcome.Connection is null)
        {
            var hop = outcome.Reason == CloseReason.DialUnresolved ? CheckHop.Name : CheckFaults.HopOf(outcome.Reason) == CheckHop.Policy ? CheckHop.Policy : CheckHop.Tcp;
            return (null, (hop, CheckFaults.Through(outcome, before.Peer, service, Self, next)));
        }

        trail.Ok(CheckHop.Tcp, $"{next} accepts, dialled by {before.Peer}", TimeProvider.System.GetElapsedTime(started));
        return (outcome.Connection, default);
    }

    private async Task<Connection?> DialAgainAsync(EndPoint address, HttpProxy? proxy, CancellationToken stop) =>
        through is var (before, service) ? (await before.OpenAsync(service, SocketDialer.Text(address), null, stop)).Connection
        : (proxy is null ? await _dialer.DialAsync(address, CheckLimits.Connect, stop) : await proxy.ConnectAsync(address, _dialer, CheckLimits.Connect, stop)).Connection;

    private async Task<(string Hop, CheckFault Fault)?> GreetAsync(Connection connection)
    {
        var started = TimeProvider.System.GetTimestamp();
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
            trail.Ok(CheckHop.Link, $"{link.Peer} takes us as {Self}{(answer.Software is { } software ? $" ({software})" : "")}", TimeProvider.System.GetElapsedTime(started));
            _session = new LinkSession(id, isDialler: true, _options, answer, transport.Peer, listener: null);
            _carrying = _session.RunAsync(transport, 1, isResume: false);
            return null;
        }

        await transport.DisposeAsync();
        return answer is not null
            ? (CheckHop.Link, new(ExitCodes.Policy, $"{link.Peer} will not have us: {answer.VerdictText}", $"on {link.Peer}: add an entry for \"{Self}\" to peers", CheckFaults.NoConnection))
            // In TLS 1.3 the other side judges our certificate after our handshake is over.
            : (CheckHop.Tls, TlsFinding.OfOurs(link.Peer, wrong!, plan.Credentials.Now));
    }
}
