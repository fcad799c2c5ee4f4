using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;

namespace JunctionRelay.Configuration;

/// <summary>All relays of one junction, built. <paramref name="DrainTimeout"/>: how long connections may go on after a stop.</summary>
internal sealed record JunctionPlan(IReadOnlyList<RelayPlan> Relays, TimeSpan DrainTimeout);

/// <summary>From a checked configuration to the plan that runs: the only home of defaults.</summary>
internal sealed class RelayPlanBuilder
{
    public static readonly TimeSpan DrainTimeout = TimeSpan.FromHours(12);
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan HalfClosedTimeout = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan HoldFor = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(10);

    private readonly string _home;
    private readonly TlsFiles _identity;
    private readonly TimeProvider _time;

    private RelayPlanBuilder(JunctionConfig config, string home, TimeProvider time) => (_home, _identity, _time) = (home, TlsFiles.Of(config.Identity, home), time);

    /// <summary>Builds the plan of a configuration in which <see cref="ConfigChecks"/> found no problem.</summary>
    /// <param name="home">The directory that paths in it are relative to.</param>
    public static JunctionPlan Build(JunctionConfig config, string home, TimeProvider time)
    {
        var builder = new RelayPlanBuilder(config, home, time);
        return new JunctionPlan(
            [.. (config.Relays ?? new Dictionary<string, RelayConfig>()).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => builder.Relay(r.Key, r.Value))],
            config.DrainTimeout ?? DrainTimeout);
    }

    private RelayPlan Relay(string name, RelayConfig relay)
    {
        var listen = relay.Listen!.Select(text => ListenAddress.Read(text, out _)!).ToList();
        var targets = relay.Target!.Select(text => TargetAddress.Read(text, out _)!).ToList();
        var files = TlsFiles.Of(name, relay.Tls, _identity, _home);
        var handshakeTimeout = relay.HandshakeTimeout ?? HandshakeTimeout;
        var socket = new SocketSettings(relay.KeepAlive ?? SocketSettings.Default.KeepAlive);
        // The ports of a range come and go with the jobs behind them: asking each of them all the time would look like a scan.
        var health = listen.Exists(l => l.Count > 1) ? TimeSpan.Zero : relay.HealthInterval ?? HealthInterval;
        var serving = listen.Exists(l => l.IsTls) ? TlsHandshake.Serving(Serving(files, relay.Tls)) : null;
        var dialling = targets.Exists(t => t.IsTls) ? Dialling(files, relay.Tls) : null;
        var dialer = new SocketDialer(socket);
        return new RelayPlan
        {
            Name = name,
            Listen = [.. listen.SelectMany(l => Listen(l, l.IsTls ? serving : null, relay.V6Only ?? false))],
            Socket = socket,
            Admission = new Admission(
                relay.Allow is null ? null : new CidrSet(relay.Allow.Select(a => AddressRange.Read(a, out _)!.Value)),
                new ConnectionLimits(relay.MaxConnections, relay.MaxConnectionsPerClient)),
            Greeter = new PlainGreeter(),
            Authorization = new ClientAuthorization(relay.Tls?.AllowNames is { } names ? new NamePatterns(names) : null),
            Services = new ServiceTable(new TargetList(
                [.. targets.Select(t => new TargetHealth(Target(t), health > TimeSpan.Zero))], BalanceOf(relay), HoldOf(relay), _time)),
            Limits = new RelayLimits(handshakeTimeout, relay.HalfClosedTimeout ?? HalfClosedTimeout, Limit(relay.IdleTimeout), Limit(relay.Lifetime)),
            HealthInterval = health,
        };

        ITarget Target(TargetAddress address)
        {
            EndPoint endPoint = address.UnixPath is { } path ? Unix(path)
                : AddressText.Ip(address.Host) is { } ip ? new IPEndPoint(ip, address.Ports.First)
                : new DnsEndPoint(address.Host, address.Ports.First);
            var plain = new TcpTarget(endPoint, dialer, relay.ConnectTimeout ?? ConnectTimeout);
            // A scope id is this machine's business: no certificate names it.
            return address.IsTls ? new TlsTarget(plain, dialling!, relay.Tls?.ServerName ?? address.Host.Split('%')[0], handshakeTimeout) : plain;
        }
    }

    private IEnumerable<ListenPlan> Listen(ListenAddress address, TlsHandshake? handshake, bool v6Only)
    {
        if (address.UnixPath is { } path) return [new ListenPlan(Unix(path), handshake)];
        var ip = address.Address ?? (Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any);
        return Enumerable.Range(0, address.Ports.Count).Select(i => new ListenPlan(new IPEndPoint(ip, address.Ports.First + i), handshake, i, v6Only));
    }

    private UnixDomainSocketEndPoint Unix(string path) => new(Path.GetFullPath(path, _home));

    private static TlsSettings Serving(TlsFiles files, TlsConfig? tls)
    {
        var trust = Trust(files);
        return new TlsSettings(Identity(files), trust, trust is not null && tls?.ClientCertificate != "none", tls?.MinVersion == "1.2");
    }

    private static TlsSettings Dialling(TlsFiles files, TlsConfig? tls) =>
        new(files.Certificate is null ? null : Identity(files), Trust(files), AllowTls12: tls?.MinVersion == "1.2");

    private static TlsIdentity Identity(TlsFiles files) => TlsIdentity.FromPemFiles(files.Certificate!.File, files.Key!.File);

    private static X509Certificate2Collection? Trust(TlsFiles files) => files.Trust is { } trust ? TlsSettings.TrustFromPemFile(trust.File) : null;

    private static Balance BalanceOf(RelayConfig relay) => relay.Balance switch
    {
        "roundRobin" => Balance.RoundRobin,
        "leastConnections" => Balance.LeastConnections,
        _ => Balance.Failover,
    };

    private static TimeSpan HoldOf(RelayConfig relay) => relay.WhenDown == "hold" ? relay.HoldFor ?? HoldFor : TimeSpan.Zero;

    private static TimeSpan? Limit(TimeSpan? said) => said > TimeSpan.Zero ? said : null;
}
