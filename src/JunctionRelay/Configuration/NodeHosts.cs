using System.Net;
using JunctionRelay.Licensing;

namespace JunctionRelay.Configuration;

/// <summary>What a hosts block says of a configuration: the names of the servers, each at the address where its relays listen.</summary>
/// <param name="Names">Addresses and names, in the order of the relays.</param>
/// <param name="Problems">Why there can be no block, or none that would work.</param>
/// <param name="Remarks">Relays that are not in it, and why.</param>
internal sealed record NodeHosts(IReadOnlyList<(string Address, string Name)> Names, IReadOnlyList<string> Problems, IReadOnlyList<string> Remarks)
{
    /// <summary>The block of a configuration. <paramref name="junction"/>: the address at which the nodes find relays that listen on every address.</summary>
    public static NodeHosts Of(JunctionConfig config, IPAddress? junction)
    {
        var (names, problems, remarks) = (new List<(string Address, string Name)>(), new List<string>(), new List<string>());
        var dialled = NamesDialledHere(config);
        foreach (var (key, relay) in config.Relays ?? new Dictionary<string, RelayConfig>())
        {
            var listens = relay.Listen!.Select(l => ListenAddress.Read(l, out _)!).Where(l => l is { UnixPath: null, Link: null, IsStdio: false, IsEntrance: false }).ToList();
            if (listens.Count == 0) continue;
            if (NameOf(relay) is not { } name)
            {
                remarks.Add($"relays.{key} is left out, as it does not say what its server is called: \"hostName\": \"lic1.example.com\"");
                continue;
            }

            // Of several addresses the first counts, one of each family: a name that has two of a family is looked up as either.
            foreach (var listen in listens.DistinctBy(l => l.Address?.AddressFamily))
            {
                if (AddressOf(listen, junction) is not { } address)
                    problems.Add($"relays.{key} listens on every address; say at which one the nodes find it: --junction ADDRESS");
                else if (IPAddress.IsLoopback(address) && dialled.FirstOrDefault(d => Means(name, d)) is { } dials)
                    problems.Add($"relays.{key}: this junction itself looks up {dials}, and with the block it would find itself; write the server's address there and \"hostName\": \"{name}\" in the relay, or go over a link");
                else if (names.Find(n => n.Name.Equals(name, StringComparison.OrdinalIgnoreCase) && n.Address != $"{address}" && IPAddress.Parse(n.Address).AddressFamily == address.AddressFamily) is { Name: not null } other)
                    problems.Add($"{name} would have two addresses, {other.Address} and {address} (relays.{key}), and a machine has one: let its relays listen on the same address, or give one of them another hostName");
                else
                    names.Add(($"{address}", name));
            }
        }

        if (names.Count == 0 && problems.Count == 0)
            problems.Add("no relay has a server with a name, so that there is nothing to write");
        return new NodeHosts([.. names.Distinct()], [.. problems.Distinct()], remarks);
    }

    /// <summary>What clients call the server behind a relay: <c>hostName</c>, else the host of its first target, at the end of all links; null where that is an address, or only the far side knows.</summary>
    public static string? NameOf(RelayConfig relay)
    {
        if (relay.HostName is not null) return relay.HostName;
        var target = relay.Target is [var first, ..] ? TargetAddress.Read(first, out _) : null;
        return (target?.Service is null ? target : target.Behind) is { UnixPath: null, Host: var host } ? LicenseSource.NameOf(host) : null;
    }

    private static IPAddress? AddressOf(ListenAddress listen, IPAddress? junction) => listen.Address switch
    {
        null => junction,
        var all when all.Equals(IPAddress.Any) || all.Equals(IPAddress.IPv6Any) => junction,
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4(),
        var address => address,
    };

    // A proxy looks up what it is asked for itself, and so does the far side of a link.
    private static List<string> NamesDialledHere(JunctionConfig config) =>
        [.. (config.Relays ?? new Dictionary<string, RelayConfig>()).Values.Where(r => r.Via is null).SelectMany(r => r.Target ?? [])
            .Concat((config.Services ?? new Dictionary<string, ServiceConfig>()).Values.Where(s => s.Via is null).SelectMany(s => s.Target ?? []))
            .Concat((config.Links ?? new Dictionary<string, LinkConfig>()).Values.SelectMany(l => l.Dial ?? []))
            .Select(t => TargetAddress.Read(t, out _)).OfType<TargetAddress>()
            .Where(t => t is { Service: null, UnixPath: null } && AddressText.Ip(t.Host) is null).Select(t => t.Host)];

    // The block has the short form, too.
    private static bool Means(string name, string host) =>
        host.Equals(name, StringComparison.OrdinalIgnoreCase) || host.Equals(name.Split('.')[0], StringComparison.OrdinalIgnoreCase);
}
