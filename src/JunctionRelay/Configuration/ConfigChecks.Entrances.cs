using JunctionRelay.Links;

namespace JunctionRelay.Configuration;

/// <summary>The rules about clients that name their destination: where they come in, who they are, and what they may name.</summary>
internal sealed partial class ConfigChecks
{
    private void CheckOpen(string path, IReadOnlyList<string>? open, IReadOnlyList<string>? target, string? via)
    {
        if (open is not null && via is not null)
            Add($"{path}.via", "stands beside open: a proxy resolves names by itself, and open could not judge where they lead", "leave one out");
        if (open is { Count: 0 })
            Add($"{path}.open", "is an empty list, so that nothing may be reached", "list the destinations that may be named: \"open\": [\"HOST:PORT\"]");
        if (open is not null && target is not null)
            Add($"{path}.open", "stands beside target", "what clients name is dialled here (open) or behind a link (target): leave one out");
        for (var i = 0; i < open?.Count; i++)
        {
            if (OpenEntry.Read(open[i], out var flaw) is null)
                Add($"{path}.open[{i}]", flaw.What, flaw.Remedy);
        }
    }

    private void CheckEntrances(
        string path, RelayConfig relay, List<(string Path, ListenAddress Address)> listens, List<(string Path, TargetAddress Address)> targets)
    {
        var entrances = listens.Where(l => l.Address.IsEntrance).ToList();
        if (entrances.Count == 0)
        {
            if (relay.Open is not null)
                Add($"{path}.open", "has no effect: a client of a plain listener cannot name a destination", "listen on socks5:// or http://, or name a target");
            if (relay.Users is not null)
                Add($"{path}.users", "has no effect: only clients of socks5:// and http:// give a user and password", "leave it out, or let it listen on one of these");
            foreach (var (at, address) in targets.Where(t => t.Address is { Service: LinkOpen.AnyService, Behind: null }))
                Add(at, "names no destination, and a client of a plain listener cannot either", $"* is whichever service permits one: write link://{address.Host}/*/HOST:PORT");
            return;
        }

        foreach (var (at, address) in listens.Except(entrances))
            Add(at, $"is no {entrances[0].Address.Scheme}:// listener as {entrances[0].Path} is, and its clients cannot name a destination", "give it a relay of its own");
        foreach (var (at, address) in targets.Where(t => t.Address.Service is null || t.Address.Behind is not null))
            Add(at, $"is one place, and a client of {entrances[0].Address.Scheme}:// names its own", "write what may be named in open, or name a service behind a link: link://NAME/SERVICE");
        foreach (var (at, address) in entrances.Where(e => e.Address.Scheme == "socks5" && !e.Address.IsThisMachine && IsAbsent(relay.Users, $"{path}.users")))
            Add(at, "would serve everybody who reaches it: SOCKS without a password is for this machine alone", $"add {path}.users, or listen on 127.0.0.1");
        CheckUsers($"{path}.users", relay.Users);
        if (relay.Open is null)
            return;
        foreach (var (key, value) in new (string, object?)[] { ("balance", relay.Balance), ("whenDown", relay.WhenDown), ("healthInterval", relay.HealthInterval) })
        {
            if (value is not null)
                Add($"{path}.{key}", "has no effect with open, which has no servers of its own", "leave it out");
        }
    }

    private void CheckUsers(string path, string? users)
    {
        if (users is not null && UsersFile.Read(users, _home, Environment.GetEnvironmentVariable, out var flaw) is null)
            Add(path, flaw.What, flaw.Remedy);
    }

    private void CheckProxyFrom(string path, IReadOnlyList<string>? ranges, List<(string Path, ListenAddress Address)> listens)
    {
        if (ranges is { Count: 0 })
            Add(path, "is an empty list, so that nobody's header is believed", "name the balancers' addresses, or leave it out");
        for (var i = 0; i < ranges?.Count; i++)
        {
            if (AddressRange.Read(ranges[i], out var flaw) is not { } range)
                Add($"{path}[{i}]", flaw.What, flaw.Remedy);
            else if (range.PrefixLength == 0)
                Add($"{path}[{i}]", $"is '{ranges[i]}', so that everybody could claim to be anybody", "name the balancers' addresses");
        }

        if (ranges is not null && listens.Count > 0 && listens.TrueForAll(l => l.Address.UnixPath is not null))
            Add(path, "has no effect: a client of a unix socket has no address", "let the balancer connect by TCP");
    }

    private void CheckProxyProtocol(string path, string? version, IReadOnlyList<string>? open, List<(string Path, TargetAddress Address)> targets)
    {
        if (version is null)
            return;
        if (open is not null)
            Add($"{path}.proxyProtocol", "would be told to every destination that a client names", "leave it out: it is for a target that expects it");
        foreach (var (at, address) in targets.Where(t => t.Address.Service is not null))
            Add(at, "is behind a link, over which the client's address travels anyhow", $"leave {path}.proxyProtocol out here, and set it for that service, where its target is dialled");
    }
}
