using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// Connects a link: TCP to one of its addresses, through a proxy or another junction where there is one, then TLS with certificates both ways. Goes round all addresses of all
/// names, since each may be another junction; stays with the one that was right.
/// </summary>
/// <param name="dial">Hosts and ports, as configured.</param>
/// <param name="peerName">The name that the peer's certificate must bear.</param>
/// <param name="tls">Our certificate and trust; the protocol is set here.</param>
/// <param name="way">By what an address is gone to, a proxy or another link; null to dial it directly.</param>
/// <param name="resolve">Looks a name up; null for the system's way.</param>
/// <param name="last">The address that comes last in each round; null for none.</param>
/// <param name="dialler">Who dials, for <see cref="AddressPreference"/>; null leaves the addresses of a name as they come.</param>
/// <param name="first">The address that comes first in each round; null for none.</param>
/// <param name="time">By which an address is left alone; null for the system's.</param>
internal sealed class LinkConnector(
    IReadOnlyList<EndPoint> dial, string peerName, TlsSettings tls, SocketDialer dialer, Func<EndPoint, LinkWay?> way,
    Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null, EndPoint? last = null, string? dialler = null, EndPoint? first = null,
    TimeProvider? time = null) : ILinkConnector
{
    /// <summary>The name in TLS's ALPN extension; a change that an old end cannot ignore gets a new one.</summary>
    public static readonly SslApplicationProtocol Protocol = new("junction-link/1");

    /// <summary>An address that is dead costs no more than this while there are others.</summary>
    public static readonly TimeSpan OneOfManyTimeout = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan LastTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an address is left alone at which another junction answers: a junction's nodes, which look for it when it is lost, would each shake hands with the others more
    /// than once a second.
    /// </summary>
    public static readonly TimeSpan LeftAlone = TimeSpan.FromSeconds(10);

    /// <summary>A name with more addresses than this is tried by its first ones.</summary>
    private const int MostAddresses = 64;

    private readonly TlsHandshake _handshake = TlsHandshake.Dialling(ForLinks(tls), peerName);
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve = resolve ?? Dns.GetHostAddressesAsync;
    private readonly Queue<EndPoint> _round = new();
    // Asked while a session may be resuming.
    private readonly ConcurrentDictionary<EndPoint, DnsEndPoint> _nameOf = [];
    // Who answered there, but was not looked for; since when it has been known for sure.
    private readonly Dictionary<EndPoint, (Guid Instance, long? Since)> _others = [];
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private EndPoint? _dialled;

    public bool HasOthers { get; private set; }

    public bool IsRoundOver => _round.Count == 0;

    /// <summary>How links speak TLS: certificates both ways, 1.3 only, our protocol.</summary>
    public static TlsSettings ForLinks(TlsSettings tls) => tls with { RequirePeerCertificate = true, AllowTls12 = false, Protocol = Protocol };

    public ILinkConnector Others() => new LinkConnector(dial, peerName, tls, dialer, way, _resolve, _dialled ?? last, dialler, time: time);

    public async Task<ILinkConnector?> PreferredAsync(CancellationToken cancellationToken)
    {
        if (dialler is null || _dialled is not IPEndPoint at || !_nameOf.TryGetValue(at, out var host))
            return null;
        try
        {
            // What a name server leaves out of a long answer is not gone: only something better is a reason to move.
            return AddressPreference.Order(dialler, await _resolve(host.Host, cancellationToken)) is [var best, ..] && AddressPreference.Prefers(dialler, best, at.Address)
                ? new LinkConnector(dial, peerName, tls, dialer, way, _resolve, null, dialler, new IPEndPoint(best, host.Port), time)
                : null;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>The next address, or the last again when it <paramref name="wasRight"/>.</summary>
    public async Task<DialOutcome?> ConnectAsync(bool wasRight, CancellationToken cancellationToken)
    {
        if (!wasRight || _dialled is null)
        {
            if (_round.Count == 0 && await BeginRoundAsync(cancellationToken) is { } unresolved)
                return unresolved;
            if (_round.Count == 0)
                return null;
            _dialled = _round.Dequeue();
        }

        var dialled = await DialAsync(_dialled, _round.Count > 0 ? OneOfManyTimeout : LastTimeout, cancellationToken);
        if (dialled.Connection is not { } connection)
            return dialled;
        var secured = await _handshake.RunAsync(connection, LastTimeout, cancellationToken);
        if (secured.Connection is not null)
            return secured;
        connection.Abort(secured.Reason);
        await connection.DisposeAsync();
        return secured with { Detail = $"{SocketDialer.Text(_dialled)}: {secured.Detail}" };
    }

    public void IsNotAt(Guid instance)
    {
        if (!HasOthers || _dialled is null)
            return;
        var again = _others.TryGetValue(_dialled, out var other) && other.Instance == instance;
        _others[_dialled] = (instance, again ? _time.GetTimestamp() : null);
    }

    private async Task<DialOutcome> DialAsync(EndPoint address, TimeSpan timeout, CancellationToken cancellationToken) =>
        way(address) is { } go
            ? await go(address, LastTimeout, cancellationToken)
            : await dialer.DialAsync(address, timeout, cancellationToken);

    // Names are resolved anew in every round, so that a moved one is followed; behind a proxy or another junction that one does it.
    private async Task<DialOutcome?> BeginRoundAsync(CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        foreach (var entry in dial)
        {
            if (entry is not DnsEndPoint host || way(host) is not null)
            {
                _round.Enqueue(entry);
                continue;
            }

            try
            {
                IReadOnlyList<IPAddress> addresses = await _resolve(host.Host, cancellationToken);
                foreach (var address in (dialler is null ? addresses : AddressPreference.Order(dialler, addresses)).Take(MostAddresses))
                {
                    var endPoint = new IPEndPoint(address, host.Port);
                    _nameOf.TryAdd(endPoint, host);
                    _round.Enqueue(endPoint);
                }
            }
            catch (SocketException e)
            {
                failures.Add($"{host.Host} does not resolve: {e.Message}");
            }
        }

        for (var turns = _round.Contains(last!) ? _round.Count : 0; turns > 0 && !_round.Last().Equals(last); turns--)
            _round.Enqueue(_round.Dequeue());
        for (var turns = _round.Contains(first!) ? _round.Count : 0; turns > 0 && !_round.Peek().Equals(first); turns--)
            _round.Enqueue(_round.Dequeue());
        HasOthers = _round.Count > 1;
        if (_round.Count == 0)
            return DialOutcome.Failed(CloseReason.DialUnresolved, string.Join("; ", failures.DefaultIfEmpty("no address to dial")));
        for (var left = _round.Count; left > 0; left--)
        {
            var address = _round.Dequeue();
            if (!IsLeftAlone(address))
                _round.Enqueue(address);
        }

        return null;
    }

    private bool IsLeftAlone(EndPoint address) => HasOthers && _others.TryGetValue(address, out var other) && other.Since is { } since && _time.GetElapsedTime(since) < LeftAlone;
}
