using System.Net;
using System.Net.Sockets;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Exec;

/// <summary>
/// The configuration of one job's agent: the relays and links of a configuration, each server's relays on an address of their own, for processes of this user alone, who bring their
/// <c>SENTIEON_AUTH_*</c> along. Nobody dials such an agent, and nobody looks at it.
/// </summary>
internal static class AgentConfig
{
    /// <param name="config">What a configuration says.</param>
    /// <param name="user">The login name of the only user whose processes may connect.</param>
    /// <param name="addresses">Where the relays get their addresses from.</param>
    /// <param name="remarks">Relays that the job does not get, and why.</param>
    public static JunctionConfig Of(JunctionConfig config, string user, LoopbackAddresses addresses, List<string> remarks)
    {
        var wanted = (config.Relays ?? new Dictionary<string, RelayConfig>())
            .Select(r => new Wanted(r.Key, r.Value, [.. r.Value.Listen!.Select(l => ListenAddress.Read(l, out _)!).Where(l => l.UnixPath is null && !l.IsEntrance)]))
            .Where(w => w.Listen.Count > 0).ToList();
        var relays = new Dictionary<string, RelayConfig>();
        foreach (var server in wanted.GroupBy(w => w.Server, StringComparer.OrdinalIgnoreCase))
        {
            // Two relays of one server with the same port are one server at two addresses elsewhere; here it has one.
            var ports = new HashSet<int>();
            var fitting = server.Where(w => w.Ports.All(ports.Add) || Left(remarks, w.Name, "another relay of the same server has its port")).ToList();
            if (addresses.Take(server.Key, [.. ports], out var inTheWay) is not { } address)
            {
                foreach (var relay in fitting) Left(remarks, relay.Name, WhyNot(string.Join(", ", relay.Ports), inTheWay));
                continue;
            }

            foreach (var relay in fitting) relays[relay.Name] = At(relay, address, user);
        }

        var links = relays.Values.SelectMany(r => r.Target ?? []).Select(t => TargetAddress.Read(t, out _)).Where(t => t?.Service is not null).Select(t => t!.Host).ToHashSet();
        return config with
        {
            Relays = relays,
            Links = config.Links?.Where(l => links.Contains(l.Key)).ToDictionary(),
            LinkListen = null,
            Peers = null,
            Services = null,
            Admin = null,
            Audit = null,
            Pki = null,
            DrainTimeout = TimeSpan.Zero,
        };
    }

    private sealed record Wanted(string Name, RelayConfig Relay, IReadOnlyList<ListenAddress> Listen)
    {
        public string Server => NodeHosts.NameOf(Relay) ?? Name;

        // Every address of a relay has the same ports, and a free one is the server's own.
        public IEnumerable<int> Ports => Listen[0].Ports is { IsAnyFree: false } said ? Numbers(said) : TargetAddress.Read(Relay.Target![0], out _) is { } target ? Numbers(target.Behind?.Ports ?? target.Ports) : [];

        private static IEnumerable<int> Numbers(PortRange ports) => Enumerable.Range(ports.First, ports.Count);
    }

    private static RelayConfig At(Wanted wanted, IPAddress address, string user)
    {
        var auth = wanted.Relay.Auth ?? new AuthConfig();
        var (first, last) = (wanted.Ports.First(), wanted.Ports.Last());
        return wanted.Relay with
        {
            Listen = [$"{(wanted.Listen[0].IsTls ? "tls://" : "")}{address}:{(first == last ? $"{first}" : $"{first}-{last}")}"],
            // Said about the clients of a junction that stands elsewhere.
            Allow = null,
            ProxyFrom = null,
            RewriteHost = null,
            Auth = auth with
            {
                // The loopback is everybody's on this machine.
                AllowUsers = auth.AllowUsers ?? (auth.AllowGroups is null ? [user] : null),
                Mech = auth.Mech ?? "${SENTIEON_AUTH_MECH}",
                Data = auth.Data ?? (auth.DataFile is null ? "${SENTIEON_AUTH_DATA}" : null),
            },
        };
    }

    private static string WhyNot(string ports, SocketException? inTheWay) => inTheWay?.SocketErrorCode switch
    {
        SocketError.AccessDenied => $"port {ports} is below 1024, and its user may not listen there",
        SocketError.AddressAlreadyInUse => $"port {ports} is taken on every address by a program that listens on all of them (ss -ltnp shows it)",
        _ => $"there is no loopback address left for it ({inTheWay?.Message})",
    };

    private static bool Left(List<string> remarks, string relay, string why)
    {
        remarks.Add($"relays.{relay} is left out: {why}");
        return false;
    }
}
