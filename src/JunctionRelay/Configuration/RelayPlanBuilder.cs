using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using JunctionRelay.Connections;
using JunctionRelay.Greetings;
using JunctionRelay.Pki;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace JunctionRelay.Configuration;

/// <summary>One junction, built.</summary>
/// <param name="Relays">Its relays.</param>
/// <param name="DrainTimeout">How long connections may go on after a stop.</param>
/// <param name="Links">Its links; null where it has none.</param>
/// <param name="Peers">How the streams that peers open are relayed; null without links.</param>
internal sealed record JunctionPlan(IReadOnlyList<RelayPlan> Relays, TimeSpan DrainTimeout, LinksPlan? Links, RelayPlan? Peers)
{
    /// <summary>What it is called.</summary>
    public string Name { get; init; } = Environment.MachineName;

    /// <summary>Standard input and output, where a relay listens on them; the junction is then there for that one client.</summary>
    public StandardStreams? Stdio { get; init; }

    /// <summary>Where its status is told; null where it is not.</summary>
    public AdminPlan? Admin { get; init; }

    /// <summary>The PEM files that all of it uses, to be looked at while it runs.</summary>
    public IReadOnlyList<CertificateStore> Stores { get; init; } = [];

    /// <summary>How its own certificate is kept valid; null where somebody else does that.</summary>
    public RenewalPlan? Renewal { get; init; }

    /// <summary>Who is refused in spite of a valid certificate.</summary>
    public required RevocationPlan Revocation { get; init; }

    /// <summary>The authority that lives here; null where none does.</summary>
    public PkiDirectory? Authority { get; init; }

    /// <summary>What it writes down while it runs, and whether it could.</summary>
    public IEnumerable<KeptState> State
    {
        get
        {
            if (Renewal?.Directory is { } identity) yield return new KeptState("certificate", identity.CertificateFile, identity.Written.Failing);
            if (Revocation.Lists is { KeptIn: { } file } lists) yield return new KeptState("deny-list", file, lists.Written.Failing);
            if (Authority is { } authority) yield return new KeptState("authority", authority.Root, authority.Written.Failing);
        }
    }

    /// <summary>The certificates that it shows and trusts now.</summary>
    public IReadOnlyList<CertificateInUse> Certificates => ReadCertificates();

    public Func<IReadOnlyList<CertificateInUse>> ReadCertificates { get; init; } = () => [];

    /// <summary>What it is made of, for the plan that comes after it.</summary>
    public PlanParts Parts { get; init; } = new(before: null);

    /// <summary>What the plan before had and this one has not: to be disposed when no connection is about to use it any more.</summary>
    public IReadOnlyList<IDisposable> Dropped { get; init; } = [];
}

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
    private readonly PlanParts _parts;
    private readonly CertificateStores _certificates;
    private readonly DenyLists _denied;
    private readonly IdentityPlanBuilder _identityBuilder;
    private readonly LinksPlanBuilder _linksBuilder;
    private readonly AuthBuilder _auth;
    private readonly ILogger _log;
    private StandardStreams? _stdio;

    private RelayPlanBuilder(JunctionConfig config, string home, TimeProvider time, ILogger log, PlanParts parts)
    {
        (_home, _identity, _time, _log, _parts) = (home, TlsFiles.Of(config.Identity, home), time, log, parts);
        _denied = parts.Of("of the junction", () => new DenyLists());
        _certificates = new CertificateStores(time, parts, _denied);
        _identityBuilder = new IdentityPlanBuilder(config, _identity, _certificates, home, time, parts);
        _linksBuilder = new LinksPlanBuilder(config, _identity, _certificates, home, time, parts) { Denied = _denied };
        _auth = new AuthBuilder(home, time, log, parts);
    }

    // Whose deny lists count: those whom the junction's own identity trusts, as of now.
    private string? OwnDomain => _identity is { Certificate: not null, Key: not null } ? _certificates.Of(_identity).Now.Identity?.Domain : null;

    private Func<IEnumerable<X509Certificate2>> Authorities()
    {
        if (_identity is not { Certificate: not null, Key: not null, Trust: not null }) return () => [];
        var ours = _certificates.Of(_identity);
        return () => ours.Now.Trust ?? [];
    }

    /// <summary>Builds the plan of a configuration in which <see cref="ConfigChecks"/> found no problem.</summary>
    /// <param name="home">The directory that paths in it are relative to.</param>
    /// <param name="instance">What tells this junction from others of its name and stays the same when it starts again: where its configuration is.</param>
    /// <param name="starts">The generations of earlier processes of this junction that still have connections; null when there are none.</param>
    /// <param name="before">The plan that runs: what is the same in both is the same object in both.</param>
    public static JunctionPlan Build(
        JunctionConfig config, string home, TimeProvider time, string? instance = null, ILogger? linkLog = null, JunctionPlan? before = null, (ulong Oldest, ulong Newest)? starts = null)
    {
        var parts = new PlanParts(before?.Parts);
        var builder = new RelayPlanBuilder(config, home, time, linkLog ?? NullLogger.Instance, parts);
        var services = (config.Services ?? new Dictionary<string, ServiceConfig>()).ToDictionary(s => s.Key, s => builder.Service(s.Key, s.Value));
        var ports = (config.Services ?? new Dictionary<string, ServiceConfig>())
            .Where(s => s.Value.Protocol is not null).ToDictionary(s => s.Key, s => builder.Ports($"services.{s.Key}", s.Value.VendorPorts));
        var links = builder._linksBuilder.Build(services, ports, instance ?? home, builder._identityBuilder, linkLog ?? NullLogger.Instance, starts);
        var relays = (config.Relays ?? new Dictionary<string, RelayConfig>()).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => builder.Relay(r.Key, r.Value)).ToList();
        var peers = links is null ? null : PeersPlan(links, builder.Auths(config));
        var admin = config.Admin is { } said ? builder.Admin(said) : null;
        builder._denied.Follow(builder.Authorities(), IdentityPlanBuilder.DenyListFile(config, home), builder.OwnDomain);
        var certificates = new CertificateList(config, home, builder._certificates);
        return new JunctionPlan(relays, config.DrainTimeout ?? DrainTimeout, links, peers)
        {
            Name = builder._linksBuilder.Self,
            Admin = admin,
            Stdio = builder._stdio,
            Renewal = builder._identityBuilder.Renewal(builder._linksBuilder.Own),
            Authority = builder._identityBuilder.Authority,
            Stores = builder._certificates.All,
            ReadCertificates = certificates.Read,
            Revocation = new RevocationPlan(
                builder._denied, builder._identityBuilder.Authority?.DenyListFile, builder._linksBuilder.Directory, builder._linksBuilder.Own),
            Parts = parts,
            Dropped = [.. parts.Complete().OfType<IDisposable>()],
        };
    }

    /// <summary>The admin endpoint alone, as a client of it needs it; null where the configuration has none.</summary>
    public static AdminPlan? Admin(JunctionConfig config, string home) =>
        config.Admin is { } admin ? new RelayPlanBuilder(config, home, TimeProvider.System, NullLogger.Instance, new PlanParts(before: null)).Admin(admin) : null;

    private Dictionary<string, ClientAuth> Auths(JunctionConfig config) =>
        (config.Services ?? new Dictionary<string, ServiceConfig>()).Where(s => s.Value.Auth is not null).ToDictionary(s => s.Key, s => _auth.Service(s.Key, s.Value.Auth!));

    // What peers ask for is relayed like anything else, from the first stage on.
    private static RelayPlan PeersPlan(LinksPlan links, IReadOnlyDictionary<string, ClientAuth> auths) => new()
    {
        Name = "peers",
        Listen = [],
        Socket = SocketSettings.Default,
        Admission = new Admission(null, new ConnectionLimits(null, null)),
        Authorization = links.Peers,
        Auths = auths,
        Services = links.Services,
        Limits = new RelayLimits(HandshakeTimeout, HalfClosedTimeout, null, null),
        HealthInterval = HealthInterval,
    };

    // Everything that goes into a relay or service, with what stands in files of its own.
    private string KeyOf(string name, RelayConfig relay) =>
        $"{name} {JsonSerializer.Serialize(relay, ConfigJsonContext.Default.RelayConfig)} {_identity} {_linksBuilder.KeyOf(relay)} {HashOf(Users(relay))} {_auth.KeyOf(relay.Auth)}";

    private IReadOnlyDictionary<string, string>? Users(RelayConfig relay) =>
        relay.Users is null ? null : UsersFile.Read(relay.Users, _home, Environment.GetEnvironmentVariable, out _)!;

    private static string? HashOf(IReadOnlyDictionary<string, string>? users) =>
        users is null ? null : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', users.Select(u => $"{u.Key}:{u.Value}")))));

    private RelayPlan Relay(string name, RelayConfig relay) => _parts.Of(KeyOf($"relays.{name}", relay), () => NewRelay(name, relay));

    private RelayPlan NewRelay(string name, RelayConfig relay)
    {
        var listen = relay.Listen!.Select(text => ListenAddress.Read(text, out _)!).ToList();
        var files = TlsFiles.Of(name, relay.Tls, _identity, _home);
        var handshakeTimeout = relay.HandshakeTimeout ?? HandshakeTimeout;
        var socket = new SocketSettings(relay.KeepAlive ?? SocketSettings.Default.KeepAlive);
        // The ports of a range come and go with the jobs behind them: asking each of them all the time would look like a scan.
        var health = listen.Exists(l => l.Count > 1) ? TimeSpan.Zero : relay.HealthInterval ?? HealthInterval;
        var users = Users(relay) is { } known ? new KnownUsers(known) : null;
        var serving = listen.Exists(l => l.IsTls) ? TlsHandshake.Serving(Serving(files, relay.Tls)) : null;
        return new RelayPlan
        {
            Name = name,
            Listen = [.. listen.SelectMany(l => Listen(l, l.IsTls ? serving : null, relay.V6Only ?? false, relay.Compress)
                .Select(p => p with { Scheme = l.Scheme, Greeter = l.Link is null ? Greeter(l.Scheme, users) : new RemoteGreeter(Greeter(l.Scheme, users)) }))],
            Socket = socket,
            Admission = new Admission(
                Ranges(relay.Allow),
                new ConnectionLimits(relay.MaxConnections, relay.MaxConnectionsPerClient, _parts.Of($"relays.{name}", () => new ConnectionCounts())),
                Ranges(relay.ProxyFrom)),
            Authorization = new ClientAuthorization(relay.Tls?.AllowNames is { } names ? new PeerNamePatterns(names) : null),
            Auths = relay.Auth is { } auth ? new Dictionary<string, ClientAuth> { [name] = _auth.Relay(name, auth) } : new Dictionary<string, ClientAuth>(),
            Services = new ServiceTable(Targets($"relays.{name}", name, relay, health), relay.Protocol is null ? null : Ports($"relays.{name}", relay.VendorPorts)),
            Rewrite = Rewrite(relay),
            Limits = new RelayLimits(handshakeTimeout, relay.HalfClosedTimeout ?? HalfClosedTimeout, Limit(relay.IdleTimeout), Limit(relay.Lifetime)),
            HealthInterval = health,
        };
    }

    private IGreeter Greeter(string scheme, KnownUsers? users) => scheme switch
    {
        "socks5" => new Socks5Greeter(users, _time),
        "http" => new HttpConnectGreeter(users, _time),
        _ => PlainGreeter.Instance,
    };

    private AdminPlan Admin(AdminConfig admin) =>
        _parts.Of($"{JsonSerializer.Serialize(admin, ConfigJsonContext.Default.AdminConfig)} {_identity}", () => NewAdmin(admin));

    private AdminPlan NewAdmin(AdminConfig admin)
    {
        var listen = ListenAddress.Read(admin.Listen!, out _)!;
        return new AdminPlan(
            Listen(listen, null, false, null).Single().EndPoint,
            listen.IsTls ? Serving(TlsFiles.OfAdmin(admin.Tls, _identity, _home), admin.Tls) : null,
            admin.Tls?.AllowNames is { } names ? new PeerNamePatterns(names) : null,
            admin.TokenFile is { } file ? Path.GetFullPath(file, _home) : null);
    }

    private static RedirectRewrite? Rewrite(RelayConfig relay) => relay.RewriteHost is null && relay.RewritePort is null ? null
        : new RedirectRewrite(relay.RewriteHost, PortRange.TryParse(relay.RewritePort ?? "", out var range) ? (range.First, range.Last) : null);

    // Who may bind a port below 1024 is root, and no vendor daemon. What was learnt is kept for as long as the same may be learnt.
    private VendorPorts Ports(string owner, IReadOnlyList<string>? said) => _parts.Of($"{owner} {string.Join(' ', said ?? [])}", () => new VendorPorts(
        said is null ? [(1024, ushort.MaxValue)] : [.. said.Select(text => PortRange.TryParse(text, out var range) ? (range.First, range.Last) : default)], _time));

    private TargetList Service(string name, ServiceConfig service)
    {
        var relay = new RelayConfig
        {
            Target = service.Target,
            Open = service.Open,
            ProxyProtocol = service.ProxyProtocol,
            Via = service.Via,
            ViaCredentials = service.ViaCredentials,
        };
        return _parts.Of(KeyOf($"services.{name}", relay), () => Targets($"services.{name}", name, relay, HealthInterval));
    }

    /// <param name="owner">Whose targets: health and counts are nobody else's.</param>
    private TargetList Targets(string owner, string name, RelayConfig relay, TimeSpan health)
    {
        if (relay.Open is { } open) return Open(open, relay);
        var targets = relay.Target!.Select(text => (Text: text, Address: TargetAddress.Read(text, out _)!)).ToList();
        var dialling = targets.Exists(t => t.Address.IsTls) ? Dialling(TlsFiles.Of(name, relay.Tls, _identity, _home), relay.Tls) : null;
        var dialer = new SocketDialer(new SocketSettings(relay.KeepAlive ?? SocketSettings.Default.KeepAlive));
        var via = ViaAddress.Proxy(relay.Via, relay.ViaCredentials, _home);
        var probed = health > TimeSpan.Zero;
        return new TargetList([.. targets.Select(t => _parts.Of(
            $"{probed} {KeyOf(owner, HowDialled(relay, t.Text))}",
            () => new TargetHealth(Target(t.Address), probed, _parts.Of($"{owner} {t.Text}", () => new TargetCounts()))))], BalanceOf(relay), HoldOf(relay), _time);

        ITarget Target(TargetAddress address)
        {
            var connectTimeout = relay.ConnectTimeout ?? ConnectTimeout;
            if (address.Service is { } service) return _linksBuilder.Target(address.Host, service, address.Behind is { } behind ? EndPointOf(behind) : null, connectTimeout, relay.Compress);
            var plain = new TcpTarget(EndPointOf(address), dialer, connectTimeout, address.UnixPath is null ? via : null, relay.ProxyProtocol switch { "v1" => 1, "v2" => 2, _ => null });
            // A scope id is this machine's business: no certificate names it.
            return address.IsTls ? new TlsTarget(plain, dialling!, relay.Tls?.ServerName ?? address.Host.Split('%')[0], relay.HandshakeTimeout ?? HandshakeTimeout) : plain;
        }
    }

    // What says how one target is dialled, without what is about the clients alone: a target keeps its health when that changes.
    private static RelayConfig HowDialled(RelayConfig relay, string target) => relay with
    {
        Target = [target],
        Listen = null,
        Preset = null,
        HostName = null,
        Users = null,
        Auth = null,
        Allow = null,
        ProxyFrom = null,
        MaxConnections = null,
        MaxConnectionsPerClient = null,
        Protocol = null,
        VendorPorts = null,
        Balance = null,
        WhenDown = null,
        HoldFor = null,
        HealthInterval = null,
        HalfClosedTimeout = null,
        IdleTimeout = null,
        Lifetime = null,
        V6Only = null,
    };

    private TargetList Open(IReadOnlyList<string> open, RelayConfig relay)
    {
        var patterns = new DestinationPatterns([.. open.Select(text => OpenEntry.Read(text, out _)!)]);
        var dialer = new SocketDialer(new SocketSettings(relay.KeepAlive ?? SocketSettings.Default.KeepAlive));
        return new TargetList([new TargetHealth(new OpenTarget(patterns, dialer, relay.ConnectTimeout ?? ConnectTimeout), probed: false)], default, TimeSpan.Zero, _time);
    }

    private EndPoint EndPointOf(TargetAddress address) =>
        address.UnixPath is { } path ? Unix(path)
        : AddressText.Ip(address.Host) is { } ip ? new IPEndPoint(ip, address.Ports.First)
        : new DnsEndPoint(address.Host, address.Ports.First);

    private IEnumerable<ListenPlan> Listen(ListenAddress address, TlsHandshake? handshake, bool v6Only, bool? compress)
    {
        if (address.IsStdio) return [new ListenPlan(new NamedEndPoint("stdio:")) { Open = (_stdio ??= new StandardStreams()).Listen }];
        if (address.Link is { } link) return Enumerable.Range(0, address.Count).Select(i => Behind(link, address, i, compress));
        if (address.UnixPath is { } path) return [new ListenPlan(Unix(path), handshake)];
        var ip = address.Address ?? (Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any);
        return Enumerable.Range(0, address.Ports.Count).Select(i => new ListenPlan(new IPEndPoint(ip, address.Ports.First + i), handshake, i, v6Only));
    }

    private ListenPlan Behind(string link, ListenAddress address, int offset, bool? compress)
    {
        var there = address.UnixPath is { } path ? $"unix:{path}" : string.Create(CultureInfo.InvariantCulture, $"{address.LinkHost}:{address.Ports.First + offset}");
        return new ListenPlan(new NamedEndPoint($"link://{link}/{there}"), PortOffset: offset) { Open = () => _linksBuilder.Listener(link, there, compress, _log) };
    }

    private UnixDomainSocketEndPoint Unix(string path) => new(Path.GetFullPath(path, _home));

    private TlsSettings Serving(TlsFiles files, TlsConfig? tls) => new(
        _certificates.Of(files), files.Trust is not null && tls?.ClientCertificate != "none", tls?.MinVersion == "1.2");

    private TlsSettings Dialling(TlsFiles files, TlsConfig? tls) => new(_certificates.Of(files), AllowTls12: tls?.MinVersion == "1.2");

    private static CidrSet? Ranges(IReadOnlyList<string>? texts) => texts is null ? null : new CidrSet(texts.Select(t => AddressRange.Read(t, out _)!.Value));

    private static Balance BalanceOf(RelayConfig relay) => relay.Balance switch
    {
        "roundRobin" => Balance.RoundRobin,
        "leastConnections" => Balance.LeastConnections,
        _ => Balance.Failover,
    };

    private static TimeSpan HoldOf(RelayConfig relay) => relay.WhenDown == "hold" ? relay.HoldFor ?? HoldFor : TimeSpan.Zero;

    private static TimeSpan? Limit(TimeSpan? said) => said > TimeSpan.Zero ? said : null;
}
