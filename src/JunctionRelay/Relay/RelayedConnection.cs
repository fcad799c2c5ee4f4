using System.Diagnostics.CodeAnalysis;
using System.Net;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Licensing;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// THE SPINE: the life of one relayed connection. Runs stages 3 to 8 in order, owns both ends, closes once, and writes the one summary line.
/// Stages 1 and 2, accept and admit, are <see cref="AcceptLoop"/>'s, but for the header of a balancer.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Abort may come from outside at any time; a token source without a timer holds nothing.")]
internal sealed class RelayedConnection
{
    /// <summary>What a client that was refused may still say before it is cut off: as much as it had on the way, perhaps, not more.</summary>
    private const int MostUnheardBytes = 1024 * 1024;

    private readonly RelayPlan _relay;
    private readonly ListenPlan _listen;
    private readonly RelayMetrics _metrics;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly VendorListeners? _vendors;
    private readonly PausedServices? _paused;
    private readonly long _started;
    private CancellationTokenSource? _stop = new();   // null once bytes pass: from then on the splice is told
    private readonly AdmittedClient _admitted;
    private Connection _client;   // replaced once, by Secure
    private volatile Splice? _splice;
    private TargetHealth? _dialled;
    private string? _targetName;
    private IReadOnlyList<string> _path = [];   // the junctions before us
    private ClientClaims? _claims;   // what is known of the client's user
    private Route _route;
    private string? _clientText;   // as the junction before us says it
    private string? _user;   // proved by a password
    private volatile bool _dialling;   // nobody reads the client meanwhile
    private bool _isTold;   // refused in the client's own protocol
    private long _countedToTarget;
    private long _countedToClient;
    private int _stopReason;   // a CloseReason given from outside, 0 = none

    public RelayedConnection(
        Connection client, RelayPlan relay, ListenPlan listen, RelayMetrics metrics, ILogger log, TimeProvider time, VendorListeners? vendors = null, PausedServices? paused = null)
    {
        (Id, _client, _relay, _listen, _metrics, _log, _time, _vendors, _paused) = (ConnectionId.Next(), client, relay, listen, metrics, log, time, vendors, paused);
        _admitted = new AdmittedClient(client, relay.Admission);
        Relay = relay.LoggedAs;
        _started = time.GetTimestamp();
    }

    /// <summary>The same in the logs of every junction that the connection passes.</summary>
    public ConnectionId Id { get; private set; }

    /// <summary>The relay; of a peer's stream, once it is known, <c>service/NAME</c>.</summary>
    public string Relay { get; private set; }

    /// <summary>Where the client connects from: the other end of the socket, or whom a trusted balancer names.</summary>
    public EndPoint? Client => _admitted.Address;
    public TimeSpan Age => _time.GetElapsedTime(_started);

    /// <summary>The client's address as the first junction saw it.</summary>
    public string ClientText => ClientAddress ?? "unix";

    /// <summary>The name that the client's certificate, or that of the junction before us, or a password proved.</summary>
    public string PeerName => _client.Peer?.Name ?? _user ?? "-";

    /// <summary>Why it may not go on, by a list that is newer than the connection; null when it may.</summary>
    public string? Objection(DenyList denied) => _client.Peer is not { } peer ? null : denied.Objection(peer) ?? denied.ObjectionToPath(_path, peer);

    /// <summary>The target that was dialled last.</summary>
    public string TargetName => _targetName ?? "-";

    public long BytesToTarget => _splice?.BytesToTarget ?? 0;
    public long BytesToClient => _splice?.BytesToClient ?? 0;

    /// <summary>Bytes may pass; before that it is being secured, judged or dialled.</summary>
    public bool IsRelaying => _splice is not null;

    /// <summary>Who holds a license over it; null where the relay follows no license protocol, or nothing was said yet.</summary>
    public LicenseHolder? Holder { get; private set; }

    /// <summary>The license that it is, where it goes to a vendor daemon and has said hello there.</summary>
    public HeldSeat? Seat { get; private set; }

    /// <summary>How it ended; null while it lives, and for a health check, which nobody wants to see every ten seconds.</summary>
    public EndedConnection? End { get; private set; }

    /// <summary>Runs the connection from handshake to its end, and leaves the table. Never throws.</summary>
    public async Task RunAsync(ConnectionTable table)
    {
        var (reason, detail) = (CloseReason.InternalError, "");
        try
        {
            var arrived = await ArriveAsync();
            (reason, detail) = arrived.Connection is { } target ? await SpliceAsync(target) : (arrived.Reason, arrived.Detail);
            if (_stopReason != 0) reason = (CloseReason)_stopReason;
        }
        catch (OperationCanceledException) when (_stopReason != 0)
        {
            reason = (CloseReason)_stopReason;
        }
        catch (ConnectionBrokenException e)
        {
            reason = CloseReasons.Of(ConnectionSide.Client, e.Fault);
        }
        catch (Exception e)
        {
            _log.UnexpectedFault(e, Id, Relay);
        }
        finally
        {
            try
            {
                await EndAsync(reason, detail);
            }
            finally
            {
                table.Left(this);
            }
        }
    }

    /// <summary>Ends the connection now, whatever it is doing.</summary>
    public void Abort(CloseReason reason)
    {
        Interlocked.CompareExchange(ref _stopReason, (int)reason, 0);
        _stop?.Cancel();
        _splice?.Abort(reason);
    }

    /// <summary>Called about once a second by <see cref="ConnectionTable"/>.</summary>
    public void Sweep()
    {
        if (_splice is { } splice)
        {
            splice.Sweep();
            CountBytes();
        }
        else if (_dialling && _client.Probe(_relay.Socket.SilentAfter) is { } fault)
        {
            // A client that is held for long may leave; only its reset can be told from a half-close that awaits the answer.
            Abort(_client.Told ?? CloseReasons.Of(ConnectionSide.Client, fault));
        }
    }

    /// <summary>What was passed on since the last time goes to the totals, so that they move while a job holds its connection for hours.</summary>
    public (long ToTarget, long ToClient) CountBytes()
    {
        var (toTarget, toClient) = (BytesToTarget, BytesToClient);
        var (moreToTarget, moreToClient) = (Uncounted(ref _countedToTarget, toTarget), Uncounted(ref _countedToClient, toClient));
        if (moreToTarget + moreToClient > 0) _metrics.Passed(Relay, moreToTarget, moreToClient);
        return (toTarget, toClient);
    }

    // The sweep, somebody who looks and the end may meet: each byte is one's to count, and nobody waits for another.
    private static long Uncounted(ref long counted, long now)
    {
        for (var before = Volatile.Read(ref counted); before < now;)
        {
            var found = Interlocked.CompareExchange(ref counted, now, before);
            if (found == before) return now - before;
            before = found;
        }

        return 0;
    }

    // Stages 2 to 7. A method of its own, so that nothing of what it held stays for as long as bytes pass.
    private async Task<DialOutcome> ArriveAsync()
    {
        var stop = _stop!.Token;
        if (await _admitted.UnwrapAsync(_relay.Limits.Handshake, _time, stop) is { } refusal)
        {
            if (refusal.Reason is CloseReason.AddressNotAllowed or CloseReason.TooManyFromClient) _metrics.Denied(Relay, refusal.Reason.Name());
            return DialOutcome.Failed(refusal.Reason, refusal.Detail);
        }

        if (_listen.Handshake is { } handshake)
        {
            var secured = await handshake.RunAsync(_client, _relay.Limits.Handshake, stop);
            if (secured.Connection is null) return DialOutcome.Failed(secured.Reason, secured.Detail);
            _client = secured.Connection;
        }

        var greeted = await _listen.Greeter.GreetAsync(_client, _relay.Limits.Handshake, stop);
        if (greeted.Greeting is not { } greeting)
        {
            _isTold = greeted.IsTold;
            return DialOutcome.Failed(greeted.Reason, greeted.Detail);
        }

        Id = greeting.Id ?? Id;
        _clientText = greeting.Client;
        _user = greeting.User;

        var dial = await DialAsync(greeting, stop);
        if (dial.Connection is not null) return dial;
        _isTold = await _listen.Greeter.AnswerAsync(_client, dial.Reason);
        // Peers are told the reason; one that checks the path also what our log says of it.
        if (greeting.IsCheck && _client is LinkStream stream) stream.Abort(dial.Reason, dial.Detail);
        return dial;
    }

    // Stages 5 to 7: whether it may, where it goes, and there.
    private async Task<DialOutcome> DialAsync(Greeting greeting, CancellationToken stop)
    {
        var verdict = _relay.Authorization.Judge(_client.Peer, Client, greeting);
        if (!verdict.Allowed) return Denied(verdict.Rule, $"{verdict.Rule}: {verdict.Detail}");

        var route = _relay.Services.Find(greeting, service => verdict.Services?.Matches(service) == true && !IsPaused(service), _relay.Auths.ContainsKey);
        if (route.Targets is not { } targets) return route.Reason == CloseReason.NotPermitted ? Denied("open", route.Detail) : DialOutcome.Failed(route.Reason, route.Detail);
        _route = route;
        Rename(greeting);
        if (greeting.Service is { } paused && IsPaused(paused)) return Denied(PausedServices.Rule, PausedServices.Refusal(paused));

        var started = _time.GetTimestamp();
        _path = greeting.Path;
        _claims = greeting.Claims;
        var request = new DialRequest(Id, _listen.PortOffset, ClientAddress, greeting.Path, greeting.Destination, greeting.AwaitsAnswer)
        {
            Local = greeting.Local ?? Text(_admitted.Local),
            Facts = new ProxyProtocolFacts(Id.ToString(), _client.TlsVersion, _client.Peer?.Name),
            IsCheck = greeting.IsCheck,
        };
        _dialling = true;
        if (await AskAsync(greeting, targets, request, stop) is { Allowed: false } no) return Denied(no.Rule, $"{no.Rule}: {no.Detail}");
        var dial = await targets.DialAsync(request with { Claims = _claims }, stop);
        _dialled = dial.Target;
        _targetName = dial.Target?.Target.NameFor(request);
        if (dial.Outcome.Connection is not null) _metrics.Dialled(Relay, _time.GetElapsedTime(started));
        else if (dial.Outcome.Reason == CloseReason.NotPermitted) return Denied("open", dial.Outcome.Detail);
        return dial.Outcome;
    }

    private bool IsPaused(string service) => _relay.Services.Paused.Contains(service) || _paused?.Contains(service) == true;

    private string? ClientAddress => _clientText ?? Text(Client);

    private static string? Text(EndPoint? address) => address is null ? null : SocketDialer.Text(address);

    // Stage 5, the part that asks others, who want to know the target, too.
    private async ValueTask<Verdict> AskAsync(Greeting greeting, TargetList targets, DialRequest request, CancellationToken stop)
    {
        var name = ServiceOf(greeting) ?? _relay.Name;
        if (!_relay.Auths.TryGetValue(name, out var auth)) return new Verdict(true, "auth");
        var claims = await auth.IdentifyAsync(_admitted.IsBehindBalancer ? null : _client, greeting.Claims);
        _claims = claims;
        var target = string.Join(", ", targets.Targets.Select(t => t.Target.NameFor(request)));
        return await auth.JudgeAsync(claims, _client.Peer?.Name, name, greeting.Service is not null, ClientText, target, stop);
    }

    private DialOutcome Denied(string rule, string detail)
    {
        _metrics.Denied(Relay, rule);
        return DialOutcome.Failed(CloseReason.NotPermitted, detail);
    }

    private string? ServiceOf(Greeting greeting) => _route.Service ?? greeting.Service;

    private void Rename(Greeting greeting)
    {
        if (ServiceOf(greeting) is not { } name) return;
        var service = $"service/{name}";
        if (greeting.VendorPort is not null || _route is { Service: not null, IsVendor: true }) service = VendorListeners.VendorName(service);
        _metrics.Renamed(Relay, service);
        Relay = service;
    }

    private async Task<(CloseReason Reason, string Detail)> SpliceAsync(Connection target)
    {
        _dialled!.ConnectionStarted();
        try
        {
            _log.ConnectionOpened(Id, Relay, ClientText, PeerName, TargetName, _claims?.User ?? "");
            await _listen.Greeter.AnswerAsync(_client, refusal: null);
            var (client, followed) = Follow(target);
            var splice = new Splice(client, followed, _relay.Limits, _relay.Socket, _time);
            _splice = splice;
            // Seen by Abort, or Abort's reason seen here: never neither.
            Interlocked.MemoryBarrier();
            _stop = null;
            // An abort that came between the dial and this line found no splice to tell.
            if (_stopReason != 0) splice.Abort((CloseReason)_stopReason);
            var reason = await splice.RunAsync();
            return (reason, splice.Detail);
        }
        finally
        {
            _dialled.ConnectionEnded();
            await target.DisposeAsync();
        }
    }

    // Where a license protocol is followed, somebody reads along; elsewhere the splice has the two connections themselves.
    private (Connection Client, Connection Target) Follow(Connection target)
    {
        if (_vendors is null || _route.Ports is not { } ports) return (_client, target);
        var follower = new FlexLmFollower(
            hello => Said(hello, ports),
            _route.IsVendor ? null : (hello, redirect) => _vendors.Redirected(Relay, _listen, ports, _dialled!.Target, hello, redirect),
            why => _vendors.Lost(Relay, ports, Id, why),
            _time);
        return (follower.Client(_client), follower.Target(target));
    }

    private void Said(FlexLmHello hello, VendorPorts ports)
    {
        Holder = new LicenseHolder(hello.User, hello.Host, hello.Vendor, hello.ProcessId);
        if (!_route.IsVendor) return;
        Seat = new HeldSeat(
            VendorListeners.RelayOf(Relay), ports.Knows(hello.Vendor) ? hello.Vendor : HeldSeat.OtherVendor, Holder, PeerName, ClientText, _time.GetUtcNow());
    }

    private async Task EndAsync(CloseReason reason, string detail)
    {
        if (_isTold) await LeaveAsync();
        else if (!reason.IsClean()) _client.Abort(reason);
        await _client.DisposeAsync();
        _admitted.Release();
        var (toTarget, toClient) = CountBytes();
        _metrics.Ended(Relay, reason);
        // Who connects, says nothing and resets is a health check, of another junction as a rule: no line for people every ten seconds.
        var isProbe = reason == CloseReason.ClientLeft || reason == CloseReason.ClientReset && toTarget + toClient == 0;
        // Strangers cause as many lines as people can read, and no more.
        var isListed = !reason.IsOfStrangers() || _relay.Strangers.TryTake(_time, out var leftOut) && Told(leftOut);
        _log.ConnectionEnded(
            isProbe || !isListed ? LogLevel.Debug : LogLevel.Information,
            Id, Relay, ClientText, PeerName, TargetName, toTarget, toClient, Age.TotalSeconds, reason.Name(), (Holder ?? LicenseHolder.None) with { Asserted = _claims?.User }, detail);
        if (!isProbe) End = new EndedConnection(_time.GetUtcNow(), Id, Relay, ClientText, PeerName, TargetName, toTarget, toClient, Age, reason, Holder, detail);
    }

    private bool Told(long leftOut)
    {
        if (leftOut > 0) _log.ConnectionsUnlisted(Relay, leftOut);
        return true;
    }

    // A reset would overtake the answer: our end first, then the client's, or a moment, and nothing that it says is heard.
    private async Task LeaveAsync()
    {
        using var moment = new CancellationTokenSource(Splice.LastBytes, _time);
        try
        {
            await _client.CompleteOutputAsync();
            for (var (heard, ended) = (0L, false); !ended && heard < MostUnheardBytes;)
            {
                var read = await _client.Input.ReadAsync(moment.Token);
                (heard, ended) = (heard + read.Buffer.Length, read.IsCompleted);
                _client.Input.AdvanceTo(read.Buffer.End);
            }
        }
        catch (Exception e) when (e is ConnectionBrokenException or OperationCanceledException)
        {
            // It left first, or is in no hurry.
        }
    }
}
