using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Targets;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Configuration;

/// <summary>From <c>links</c>, <c>linkListen</c>, <c>peers</c> and <c>services</c> to the links that run; their defaults stand here and in <see cref="LinkOptions"/>.</summary>
internal sealed class LinksPlanBuilder(JunctionConfig config, TlsFiles identity, CertificateStores certificates, string home, TimeProvider time, PlanParts parts)
{
    private static readonly TimeSpan Resume = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Ping = TimeSpan.FromSeconds(5);

    private readonly LinkDirectory _directory = parts.Of("of the junction", () => new LinkDirectory());
    private readonly IReadOnlyDictionary<string, LinkConfig> _links = config.Links ?? new Dictionary<string, LinkConfig>();
    private readonly string _self = config.Name ?? CertificateName(identity, certificates) ?? Environment.MachineName;

    private bool HasLinks => _links.Count > 0 || config.LinkListen is { Count: > 0 };

    /// <summary>What this junction is called.</summary>
    public string Self => _self;

    /// <summary>The live sessions.</summary>
    public LinkDirectory Directory => _directory;

    /// <summary>Who is refused.</summary>
    public required DenyLists Denied { get; init; }

    /// <summary>For what we open for ourselves, on links that are up.</summary>
    public OwnLinks Own => new(_directory, _self);

    /// <summary>The target of <c>link://NAME/SERVICE</c>, and the destination behind it where the configuration names one.</summary>
    public LinkTarget Target(string name, string service, EndPoint? destination, TimeSpan answerTimeout, bool? compress) =>
        new(name, PeerOf(name), service, _self, _directory, time, answerTimeout, destination) { Compresses = compress ?? Compresses(name) };

    /// <summary>A port behind a link, at which the other junction listens for us.</summary>
    public RemoteListener Listener(string link, string address, bool? compress, ILogger log) =>
        new(link, PeerOf(link), address, _self, _directory, time, log) { Compresses = compress ?? Compresses(link) };

    /// <summary>What the links' part of the configuration says of a relay's <c>link://</c> targets and listeners.</summary>
    public string KeyOf(RelayConfig relay) => string.Join(' ', (relay.Target ?? []).Select(text => TargetAddress.Read(text, out _)!)
        .Where(t => t.Service is not null).Select(t => t.Host)
        .Concat((relay.Listen ?? []).Select(text => ListenAddress.Read(text, out _)?.Link).OfType<string>()).Select(link => $"{_self} {PeerOf(link)} {Compresses(link)}"));

    /// <summary>The links; null where the configuration has none. <paramref name="instance"/>: the same after a restart, and another for another junction.</summary>
    /// <param name="before">The starts of this junction that still have connections; null when there are none.</param>
    public LinksPlan? Build(
        IReadOnlyDictionary<string, TargetList> services, IReadOnlyDictionary<string, VendorPorts> ports, string instance, IdentityPlanBuilder authorities, ILogger log,
        (ulong Oldest, ulong Newest)? before = null)
    {
        // A reload is no restart: the generation stays, also while there are no links.
        var self = parts.Of($"{_self} {instance}", () => new StrongBox<LinkParty>(Party(instance, before))).Value;
        if (!HasLinks) return null;
        var enrolment = authorities.Enrolment(log);
        var source = certificates.Of(identity);
        // The same object in every plan, so that a link outlives a reload that names other files: for its sessions that is a renewal.
        var tls = parts.Of("links", () => new TlsSettings(new TlsCredentials(source.Now.Identity, source.Now.Trust) { Objection = source.Objection }));
        return new LinksPlan
        {
            Options = new LinkOptions { Self = self, Resume = Resume, PingInterval = Ping, Time = time, Log = log },
            Directory = _directory,
            Credentials = tls.Credentials,
            Source = source,
            Dial = [.. _links.Select(l => parts.Of(
                $"{_self} {l.Key} {Through(l.Value)} {JsonSerializer.Serialize(l.Value with { Compress = null }, ConfigJsonContext.Default.LinkConfig)}", () => Dial(l.Key, l.Value, tls, $"{self.Instance} {l.Key}")))],
            Listen = [.. (config.LinkListen ?? []).Select(Listen)],
            Handshake = parts.Of(
                $"links {enrolment is not null}",
                () => TlsHandshake.Serving(LinkConnector.ForLinks(tls) with { OpenProtocol = enrolment is null ? null : EnrolmentServer.Protocol })),
            Enrolment = enrolment,
            Authority = authorities.AuthoritysJunction,
            Peers = new PeerRules([.. (config.Peers ?? new Dictionary<string, PeerConfig>()).Select(p => Rule(p.Key, p.Value))], () => Denied.Now),
            Services = new ServiceTable(services, ports) { Paused = (config.Services ?? new Dictionary<string, ServiceConfig>()).Where(s => s.Value.Paused == true).Select(s => s.Key).ToHashSet() },
        };
    }

    private DialledLink Dial(string name, LinkConfig link, TlsSettings tls, string dialler)
    {
        var (peer, dialer) = (PeerOf(name), new SocketDialer(SocketSettings.Default));
        var proxy = ProxyOf(link);
        var way = WayOf(link, proxy, dialer);
        EndPoint[] addresses = [.. link.Dial!.Select(Address)];
        return new DialledLink(name, peer, () => new LinkConnector(addresses, peer, tls, dialer, way, dialler: dialler), link.Resume ?? Resume, link.Ping ?? Ping) { Addresses = addresses, Proxy = proxy };
    }

    // The junction that a link goes through: when that changes, it is another link.
    private string? Through(LinkConfig link) => ViaAddress.Link(link.Via) is var (through, _) ? PeerOf(through) : null;

    // Replicas share a name, not an instance; a restart keeps the instance and has a greater generation, by which peers know its ghosts.
    private LinkParty Party(string instance, (ulong Oldest, ulong Newest)? before)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{_self}\n{Environment.MachineName}\n{instance}"));
        // Greater than those before it, whatever the clock says.
        var generation = Math.Max((ulong)time.GetUtcNow().ToUnixTimeMilliseconds(), (before?.Newest ?? 0) + 1);
        return new LinkParty(_self, new Guid(hash.AsSpan(0, 16)), generation) { Oldest = before?.Oldest ?? generation };
    }

    private string PeerOf(string link) => _links.TryGetValue(link, out var config) ? config.Peer ?? link : link;

    // Streams are compressed, not the link: it stays when that changes.
    private bool Compresses(string name) => _links.TryGetValue(name, out var link)
        ? link.Compress == true
        : (config.Peers ?? new Dictionary<string, PeerConfig>()).FirstOrDefault(p => new PeerNamePatterns([p.Key]).Matches(name)).Value?.Compress == true;

    private Func<EndPoint, LinkWay?> WayOf(LinkConfig link, Func<EndPoint, HttpProxy?> proxyOf, SocketDialer dialer)
    {
        if (ViaAddress.Link(link.Via) is var (through, service))
        {
            LinkWay go = new LinkThrough(PeerOf(through), service, _self, _directory, time).ConnectAsync;
            return _ => go;
        }

        return address => proxyOf(address) is { } proxy ? (to, timeout, stop) => proxy.ConnectAsync(to, dialer, timeout, stop) : null;
    }

    // What the configuration says, else the variables that everything else on the machine obeys; those are about names.
    private Func<EndPoint, HttpProxy?> ProxyOf(LinkConfig link) =>
        ViaAddress.Link(link.Via) is not null ? _ => null : ViaAddress.Proxy(link.Via, link.ViaCredentials, home) is { } via ? _ => via : FromEnvironment;

    internal static HttpProxy? FromEnvironment(EndPoint address) => address is not DnsEndPoint host ? null : HttpProxy.For(
        host.Host, Environment.GetEnvironmentVariable("HTTPS_PROXY") ?? Environment.GetEnvironmentVariable("https_proxy"),
        Environment.GetEnvironmentVariable("NO_PROXY") ?? Environment.GetEnvironmentVariable("no_proxy"));

    internal static EndPoint Address(string text)
    {
        var address = TargetAddress.Read(text, out _)!;
        return AddressText.Ip(address.Host) is { } ip ? new IPEndPoint(ip, address.Ports.First) : new DnsEndPoint(address.Host, address.Ports.First);
    }

    private static IPEndPoint Listen(string text)
    {
        var address = ListenAddress.Read(text, out _)!;
        return new IPEndPoint(address.Address ?? (Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any), address.Ports.First);
    }

    private static PeerRule Rule(string pattern, PeerConfig peer) => new(
        pattern,
        peer.Services is null ? null : new NamePatterns(peer.Services),
        peer.From is null ? null : new CidrSet(peer.From.Select(a => AddressRange.Read(a, out _)!.Value)),
        peer.MaxStreams, peer.Resume, peer.Ping)
    {
        Listen = [.. (peer.Listen ?? []).SelectMany(ListenRules)],
    };

    private static IEnumerable<ListenRule> ListenRules(string text)
    {
        var address = ListenAddress.Read(text, out _)!;
        var rule = new ListenRule(address.Address, address.Ports.First, address.Ports.Last, address.UnixPath);
        // Of this name a machine has two.
        return text.StartsWith("localhost:", StringComparison.Ordinal) ? [rule, rule with { Address = IPAddress.IPv6Loopback }] : [rule];
    }

    private static string? CertificateName(TlsFiles identity, CertificateStores certificates) =>
        identity is { Certificate: not null, Key: not null } && certificates.Of(identity).Now.Identity is { } ours && PeerIdentity.Of(ours.Certificate, ours.Domain).Name is { Length: > 0 } name ? name : null;
}
