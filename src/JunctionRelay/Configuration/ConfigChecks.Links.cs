using JunctionRelay.Files;

namespace JunctionRelay.Configuration;

/// <summary>The rules about links, peers and services.</summary>
internal sealed partial class ConfigChecks
{
    private void CheckLinks()
    {
        foreach (var (key, link) in _config.Links ?? new Dictionary<string, LinkConfig>())
        {
            var path = $"links.{key}";
            if (!Name().IsMatch(key))
                Add(path, $"has the name '{key}'", NameRemedy);
            if (IsAbsent(link.Dial, $"{path}.dial"))
                Add($"{path}.dial", "is missing", "name the other junction: \"dial\": [\"HOST:PORT\"]");
            foreach (var (at, address) in Addresses($"{path}.dial", link.Dial, TargetAddress.Read))
            {
                if (address is not { Scheme: "", UnixPath: null, Count: 1 })
                    Add(at, "is no single host and port", "write HOST:PORT of the other junction's linkListen; TLS is always spoken");
            }

            if (ViaAddress.Link(link.Via) is not null)
                CheckViaLink(key, path, link);
            else
                CheckVia(path, link.Via, link.ViaCredentials);
        }

        foreach (var (at, address) in Addresses("linkListen", _config.LinkListen, ListenAddress.Read))
        {
            if (address is not { Scheme: "", UnixPath: null, Count: 1 })
                Add(at, "is no single address and port", "write ADDRESS:PORT, e.g. [::]:8443; TLS is always spoken");
            else
                _listeners.Add((at, address, false));
        }

        if (_config.Links is not { Count: > 0 } && _config.LinkListen is not { Count: > 0 })
            return;
        foreach (var (file, what) in new[] { (_identity.Certificate, "certificate"), (_identity.Key, "key"), (_identity.Trust, "trust") })
        {
            if (IsAbsent(file, $"identity.{what}") && !_bound.IsUnclear("identity.directory"))
                Add($"identity.{what}", "is missing, and both ends of a link prove who they are", "name the PEM file, or identity.directory");
        }

        if (_identity.Certificate is { } ours)
            _certificates.CheckName(ours);
    }

    private void CheckPeers()
    {
        foreach (var (key, peer) in _config.Peers ?? new Dictionary<string, PeerConfig>())
        {
            CheckAllow($"peers.{key}.from", peer.From);
            CheckPeerListen($"peers.{key}.listen", peer.Listen);
            for (var i = 0; i < peer.Services?.Count; i++)
            {
                var pattern = peer.Services[i];
                var matches = new Policies.NamePatterns([pattern]);
                if (!(_config.Services ?? new Dictionary<string, ServiceConfig>()).Keys.Any(matches.Matches))
                    Add($"peers.{key}.services[{i}]", $"is '{pattern}', and no service is called so", "add it to services, or mend the name");
            }
        }
    }

    private void CheckService(string name, string path, ServiceConfig service)
    {
        if (!Name().IsMatch(name))
            Add(path, $"has the name '{name}'", NameRemedy);
        if (IsAbsent(service.Target, $"{path}.target") && service.Open is null)
            Add($"{path}.target", "is missing", "say where connections go: \"target\": [\"HOST:PORT\"], or what clients may name: \"open\": [\"HOST:PORT\"]");
        CheckOpen(path, service.Open, service.Target, service.Via);
        var targets = Addresses($"{path}.target", service.Target, TargetAddress.Read);
        CheckPreset($"{path}.preset", service.Preset);
        CheckLinkNames(targets);
        CheckVia(path, service.Via, service.ViaCredentials);
        CheckFollowed(path, service, targets);
        CheckProxyProtocol(path, service.ProxyProtocol, service.Open, targets);
        CheckAuth($"{path}.auth", service.Auth, isService: true);
        foreach (var (at, address) in targets)
        {
            if (address.Count > 1)
                Add(at, $"has {Ports(address.Count)}", "a service stands for one port: make a service for each");
            if (address is { IsTls: true, UnixPath: not null })
                Add(at, "is a unix socket, which has no name that a certificate could have", "leave tls:// out");
        }
    }

    private void CheckVia(string path, string? via, string? credentials)
    {
        if (via is not null && ViaAddress.Read(via, out var flaw) is null)
            Add($"{path}.via", flaw.What, flaw.Remedy);
        if (credentials is null)
            return;
        if (via is null)
            Add($"{path}.viaCredentials", "stands without via", "add via, or leave it out");
        CheckSecretFile($"{path}.viaCredentials", credentials, "a line USER:PASSWORD");
    }

    // A link through a link, which must not go through itself.
    private void CheckViaLink(string name, string path, LinkConfig link)
    {
        if (link.ViaCredentials is not null)
            Add($"{path}.viaCredentials", "is for a proxy, and via is a link", "leave it out: a link proves who we are by itself");
        var seen = new HashSet<string> { name };
        for (var at = link; ViaAddress.Link(at.Via) is var (next, _);)
        {
            if (_config.Links?.TryGetValue(next, out var found) != true)
            {
                if (at == link)
                    Add($"{path}.via", $"goes through the link '{next}', which is none of links", $"add links.{next}");
                return;
            }

            if (!seen.Add(next))
            {
                if (next == name)
                    Add($"{path}.via", "comes back to itself", "let the first of the links go without via");
                return;
            }

            at = found!;
        }
    }

    private void CheckPeerListen(string path, IReadOnlyList<string>? entries)
    {
        if (entries is { Count: 0 })
            Add(path, "is an empty list", "name where the peer may have us listen, e.g. 127.0.0.1:6000-6999, or leave it out for nowhere");
        for (var i = 0; i < entries?.Count; i++)
        {
            if (ListenAddress.Read(entries[i], out var flaw) is not { } address)
                Add($"{path}[{i}]", flaw.What, flaw.Remedy);
            else if (address.Scheme.Length > 0 || address.Link is not null || address.IsStdio || address.Ports.IsAnyFree && address.UnixPath is null || address.UnixPath?.StartsWith('/') == false)
                Add($"{path}[{i}]", $"is '{entries[i]}', which is no address and ports", "write ADDRESS:PORTS, e.g. 127.0.0.1:6000-6999, *:7000, or unix:/run/NAME.sock");
        }
    }

    // A file of ours that others of this machine must not read.
    private void CheckSecretFile(string path, string file, string content)
    {
        var full = Path.GetFullPath(file, _home);
        if (!File.Exists(full))
        {
            Add(path, $"names {full}, which is no file", $"write {content} into it, and chmod 600 it");
            return;
        }

        try
        {
            _ = SecretFile.ReadText(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Add(path, $"cannot be used: {e.Message}", "it must be readable for the junction, and for nobody else");
        }
    }

    // Who connects there is known by the other junction's word alone.
    private void CheckRemoteListeners(string path, RelayConfig relay, List<(string Path, ListenAddress Address)> listens)
    {
        var behind = listens.Where(l => l.Address.Link is not null).ToList();
        foreach (var (at, address) in behind.Where(b => _config.Links?.ContainsKey(b.Address.Link!) != true && _config.LinkListen is not { Count: > 0 }))
            Add(at, $"names the link '{address.Link}', which is none of links, and nobody can dial in", $"add links.{address.Link}, or linkListen");
        if (behind.Count == 0 || behind.Count < listens.Count)
            return;
        foreach (var (key, value) in new (string, object?)[] { ("allow", relay.Allow), ("maxConnectionsPerClient", relay.MaxConnectionsPerClient), ("proxyFrom", relay.ProxyFrom), ("v6Only", relay.V6Only) })
        {
            if (value is not null)
                Add($"{path}.{key}", "has no effect: its clients connect to the other junction", "leave it out");
        }
    }

    // link://NAME/SERVICE: a link that we dial, or a peer that dials us.
    private void CheckLinkNames(List<(string Path, TargetAddress Address)> targets)
    {
        foreach (var (at, address) in targets.Where(t => t.Address.Scheme == "link"))
        {
            if (_config.Links?.ContainsKey(address.Host) != true && _config.LinkListen is not { Count: > 0 })
                Add(at, $"names the link '{address.Host}', which is none of links, and nobody can dial in", $"add links.{address.Host}, or linkListen");
        }
    }
}
