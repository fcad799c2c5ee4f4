using JunctionRelay.Licensing;

namespace JunctionRelay.Configuration;

/// <summary>The rules about license managers.</summary>
internal sealed partial class ConfigChecks
{
    private void CheckPreset(string path, string? name)
    {
        if (name is null)
            return;
        var presets = new Presets(_config.Presets);
        if (presets.Find(name) is not { } preset)
            Add(path, $"is '{name}', and no preset is called so", NearestName.To(name, presets.Names) is { } near ? $"did you mean {near}?" : "presets.md lists them; or add it to presets");
        else if (preset.Instead is { } instead)
            Add(path, $"is {preset.Product}, which cannot be relayed", instead);
    }

    // lmgrd is asked at one port, and what it answers is a port beside it.
    private void CheckFollowed(string path, RelayConfig relay, List<(string Path, ListenAddress Address)> listens, List<(string Path, TargetAddress Address)> targets)
    {
        CheckVendorPorts(path, relay.Protocol, relay.VendorPorts);
        CheckRewrite(path, relay);
        if (relay.Protocol is null)
            return;
        foreach (var (at, address) in listens)
        {
            if (address.UnixPath is not null || address.Count > 1 || address.Scheme is not ("" or "tls"))
                Add(at, "is no single port, and a license server that is followed has one, with others beside it", "write ADDRESS:PORT, or follow no license protocol here");
        }

        CheckFollowedTargets(path, relay.Open, targets);
        if (relay.Balance is not (null or "failover"))
            Add($"{path}.balance", $"is {relay.Balance}, and license servers are not alike: a license is held where it was asked for", "leave it out, or make a relay for each server");
    }

    private void CheckFollowed(string path, ServiceConfig service, List<(string Path, TargetAddress Address)> targets)
    {
        CheckVendorPorts(path, service.Protocol, service.VendorPorts);
        if (service.Protocol is not null)
            CheckFollowedTargets(path, service.Open, targets);
    }

    private void CheckFollowedTargets(string path, IReadOnlyList<string>? open, List<(string Path, TargetAddress Address)> targets)
    {
        if (open is not null)
            Add($"{path}.open", "stands beside a license protocol, and who names a destination follows none", "name the license server in target, or leave the protocol out");
        foreach (var (at, address) in targets)
        {
            if (address.UnixPath is not null)
                Add(at, "is a unix socket, and a vendor daemon is found at a port", "write HOST:PORT, or follow no license protocol here");
        }
    }

    private void CheckRewrite(string path, RelayConfig relay)
    {
        foreach (var (key, said) in new[] { ("rewriteHost", relay.RewriteHost), ("rewritePort", relay.RewritePort) })
        {
            if (said is not null && relay.Protocol is null && !_bound.IsUnclear($"{path}.protocol"))
                Add($"{path}.{key}", "has no effect where no license protocol is followed", "add \"protocol\": \"flexlm\", or leave it out");
        }

        if (relay.RewriteHost is { } host && (AddressText.Ip(host) is null && AddressText.NameFlaw(host) != default || host.Length > FlexLmHello.MaxHostBytes))
            Add($"{path}.rewriteHost", $"is '{host}'", $"write a host name or an address of at most {FlexLmHello.MaxHostBytes} letters: more do not fit some clients");
        if (relay.RewritePort is { } ports && (!PortRange.TryParse(ports, out var range) || range.IsAnyFree))
            Add($"{path}.rewritePort", $"'{ports}' is no port and no range of ports", "write numbers from 1 to 65535: 27101, or 27101-27109");
    }

    private void CheckVendorPorts(string path, string? protocol, IReadOnlyList<string>? ports)
    {
        if (ports is null)
            return;
        if (protocol is null && !_bound.IsUnclear($"{path}.protocol"))
            Add($"{path}.vendorPorts", "has no effect where no license protocol is followed", "add \"protocol\": \"flexlm\", or leave it out");
        if (ports.Count == 0)
            Add($"{path}.vendorPorts", "is an empty list, so that no vendor daemon could be reached", "leave it out, or name the ports");
        for (var i = 0; i < ports.Count; i++)
        {
            if (!PortRange.TryParse(ports[i], out var range) || range.IsAnyFree)
                Add($"{path}.vendorPorts[{i}]", $"'{ports[i]}' is no port and no range of ports", "write numbers from 1 to 65535: 27001, or 40000-40100");
        }
    }

    private void CheckPresets()
    {
        foreach (var (key, preset) in _config.Presets ?? new Dictionary<string, PresetConfig>())
        {
            if (!Name().IsMatch(key))
                Add($"presets.{key}", $"has the name '{key}'", NameRemedy);
            if (preset.Port > ushort.MaxValue)
                Add($"presets.{key}.port", $"is {preset.Port}", "a port is a number from 1 to 65535");
            if (preset.Variable is { } variable && !(char.IsAsciiLetter(variable[0]) && variable.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')))
                Add($"presets.{key}.variable", $"is '{variable}', which no shell takes for a variable", "write letters, digits and underscores: ACME_LICENSE_FILE");
        }
    }
}
