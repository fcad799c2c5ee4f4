using System.Net;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Licensing;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Targets;

namespace JunctionRelay.App.Checks;

/// <summary>
/// The way of a relay's connections, from the junction on which it is asked: does it run, its targets each in turn (links with the far junction's help), and for
/// a followed license server a checkout without a license; in the end the same through the relay itself, as a client.
/// </summary>
/// <param name="vendor">The vendor daemon; null: by the relay's preset, or the one that lmgrd names.</param>
/// <param name="running">Looks at the junction that runs with this configuration.</param>
internal sealed class RelayWalk(JunctionPlan plan, JunctionConfig config, string? vendor, RunningSwitches running) : IAsyncDisposable
{
    private readonly Presets _presets = new(config.Presets);
    private readonly Dictionary<string, Task<(LinkProbe? Probe, CheckFault? Fault)>> _links = [];   // each link once; in the order in which they were begun

    /// <summary>Walks a relay's way.</summary>
    public async Task RelayAsync(CheckTrail trail, string name, RelayConfig relay, CancellationToken stop)
    {
        var built = plan.Relays.Single(r => r.Name == name);
        trail.HasFlexNetClients = !IsOf(relay, "sentieon") && !IsOf(relay, "rlm");
        if (!ListenLook.IsTaken(built.Listen.Select(l => l.EndPoint), trail)) return;
        var listens = relay.Listen!.Select(l => ListenAddress.Read(l, out _)!).ToList();
        var preset = _presets.Find(relay.Preset);
        var asked = new Asked(relay.Protocol is not null, vendor ?? LicenseVendors.Of(preset?.Variable) ?? "", listens, relay.RewriteHost, relay.Via);
        if (relay.Target is not { } targets)
        {
            trail.Skip(CheckHop.Dial, "its clients name where they want to go");
            return;
        }

        if (!await TargetsAsync(trail, targets, built.Services.All.Single().Targets, asked, stop)) return;
        await new OwnEntrance(trail, relay, asked).WalkAsync(stop);
        if (trail.Failure is null && IsOf(relay, "sentieon") && OwnEntrance.Of(listens) is { } own) await SentieonPing.RunAsync(SocketDialer.Text(own), trail, stop);
        if (trail.Failure is null && IsOf(relay, "rlm")) trail.Skip(CheckHop.Rlm, NodeWalk.RlmUnseen(isIsvSeen: false));
    }

    /// <summary>Walks the way of a service, for a junction that has no relay of its own.</summary>
    public async Task ServiceAsync(CheckTrail trail, string name, ServiceConfig service, CancellationToken stop)
    {
        if (!ListenLook.IsTaken(plan.Links?.Listen ?? [], trail)) return;
        if (service.Paused == true)
            trail.Fail(CheckHop.Policy, CheckFaults.Paused(PausedServices.Refusal(name), "this junction", name));
        else if (!await running.LetAsync(name, trail, stop))
            return;
        else if (plan.Links is not { } links)
            trail.Skip(CheckHop.Link, "nobody asks for it: the configuration has neither linkListen nor links");
        else if (service.Target is { } targets)
            await TargetsAsync(trail, targets, links.Services.Services[name].Targets, new Asked(service.Protocol is not null, vendor ?? LicenseVendors.Of(_presets.Find(service.Preset)?.Variable) ?? "", [], Via: service.Via), stop);
        else
            trail.Skip(CheckHop.Dial, "its clients name where they want to go");
    }

    public async ValueTask DisposeAsync()
    {
        // A link goes before the one that it goes through.
        foreach (var (_, begun) in _links.Reverse())
        {
            if (begun.IsCompletedSuccessfully && (await begun).Probe is { } probe) await probe.DisposeAsync();
        }
    }

    private static bool IsOf(RelayConfig relay, string preset) => string.Equals(relay.Preset, preset, StringComparison.OrdinalIgnoreCase);

    private async Task<bool> TargetsAsync(CheckTrail trail, IReadOnlyList<string> texts, IReadOnlyList<TargetHealth> built, Asked asked, CancellationToken stop)
    {
        var lanes = trail.Lanes(texts.Count);
        var walks = texts.Select((text, i) => TargetAsync(lanes[i], TargetAddress.Read(text, out _)!, built[i].Target, asked, stop)).ToList();
        var leads = false;
        for (var i = 0; i < walks.Count; i++)
        {
            trail.Tell(lanes[i]);
            leads |= await walks[i];
        }

        if (!leads) trail.NoneLeads(lanes);
        return leads;
    }

    private Task<bool> TargetAsync(CheckTrail trail, TargetAddress address, ITarget target, Asked asked, CancellationToken stop) =>
        address.Service is { } service ? LinkAsync(trail, address, service, asked, stop) : DirectAsync(trail, address, target, asked, stop);

    private async Task<bool> DirectAsync(CheckTrail trail, TargetAddress address, ITarget target, Asked asked, CancellationToken stop)
    {
        if (asked.Via is { } proxy && address.UnixPath is null)
        {
            trail.Skip(CheckHop.Name, $"{address.Host} is looked up by the proxy {proxy}, through which the relay goes");
        }
        else if (address.UnixPath is null && AddressText.Ip(address.Host) is null)
        {
            var (addresses, why) = await CheckTrail.ResolveAsync(address.Host, stop);
            if (addresses is null)
            {
                trail.Fail(CheckHop.Name, CheckFaults.Far(DialOutcome.Failed(CloseReason.DialUnresolved, why), "this junction", "", "", isVendor: false));
                return false;
            }

            trail.Ok(CheckHop.Name, $"{address.Host} is {string.Join(", ", addresses)}");
        }

        return await ConverseAsync(trail, asked, "this junction", null,
            (port, s) => (port is { } vendorPort ? target.AtPort(vendorPort) : target).DialAsync(new DialRequest(ConnectionId.Next(), 0, null, []) { IsCheck = true }, s).AsTask(), target.Name, "", stop);
    }

    private async Task<bool> LinkAsync(CheckTrail trail, TargetAddress address, string service, Asked asked, CancellationToken stop)
    {
        if (plan.Links!.Dial.FirstOrDefault(l => l.Name == address.Host) is not { } link)
        {
            trail.Skip(CheckHop.Link, $"{address.Host} dials us: whether it is there is seen through the running relay");
            return true;
        }

        if (await ProbeAsync(trail, link, stop) is not { } up) return false;
        if (address.Behind is null && (service == LinkOpen.AnyService || asked.Listens is [{ IsEntrance: true }, ..]))
        {
            trail.Skip(CheckHop.Policy, "its clients name where they want to go");
            return true;
        }

        var destination = address.Behind is { UnixPath: null } behind ? $"{(behind.Host.Contains(':') ? $"[{behind.Host}]" : behind.Host)}:{behind.Ports.First}" : address.Behind is null ? null : $"unix:{address.Behind.UnixPath}";
        return await ConverseAsync(trail, asked, link.Peer, link.Peer, (port, s) => up.OpenAsync(service, destination, port, s), $"link://{link.Name}/{service}", service, stop);
    }

    // Each link once, whoever asks for it; null when it does not come up, which is told.
    private async Task<LinkProbe?> ProbeAsync(CheckTrail trail, DialledLink link, CancellationToken stop)
    {
        var isKnown = _links.TryGetValue(link.Name, out var begun);
        var (probe, fault) = await (begun ?? BeginAsync(trail, link, stop));
        if (isKnown && fault is not null) trail.Fail(CheckHop.Link, fault);
        else if (isKnown) trail.Ok(CheckHop.Link, $"the link {link.Name} is up, as above");
        return fault is null ? probe : null;
    }

    // Written down before anything is waited for: ways that are walked at once ask for the same links.
    private Task<(LinkProbe? Probe, CheckFault? Fault)> BeginAsync(CheckTrail trail, DialledLink link, CancellationToken stop)
    {
        var via = ViaAddress.Link(config.Links![link.Name].Via);
        var before = via is var (name, _) ? ProbeAsync(trail, plan.Links!.Dial.First(l => l.Name == name), stop) : null;
        return _links[link.Name] = ConnectAsync();

        async Task<(LinkProbe?, CheckFault?)> ConnectAsync()
        {
            if (before is null || via is not var (way, service)) return await OpenAsync(null);
            return await before is { } up ? await OpenAsync((up, service)) : (null, (await _links[way]).Fault);
        }

        async Task<(LinkProbe?, CheckFault?)> OpenAsync((LinkProbe, string)? through)
        {
            var probe = new LinkProbe(plan.Links!, link, trail, through);
            return (probe, await probe.ConnectAsync(stop));
        }
    }

    // Dials, and where a license server is followed speaks with it.
    private async Task<bool> ConverseAsync(
        CheckTrail trail, Asked asked, string who, string? behind, Func<int?, CancellationToken, Task<DialOutcome>> dial, string target, string service, CancellationToken stop)
    {
        var isReached = false;
        if (asked.IsFollowed)
        {
            return await new VendorWay(trail, asked.Vendor, behind)
            {
                Server = s => OpenAsync(null, s),
                Named = (redirect, s) => NamedAsync(trail, redirect, asked, s),
                Daemon = (redirect, s) => OpenAsync(redirect.Port, s),
            }.WalkAsync(stop);
        }

        if (await OpenAsync(null, stop) is not { } connection) return false;
        await connection.CompleteOutputAsync();
        await connection.DisposeAsync();
        return true;

        CheckFault Mended(CheckFault fault) =>
            behind is null && asked.Via is { } proxy ? fault with { Remedy = $"{fault.Remedy}; the relay goes through the proxy {proxy}: does it run, and let CONNECT to that port pass?" } : fault;

        async Task<Connection?> OpenAsync(int? vendorPort, CancellationToken s)
        {
            var outcome = await dial(vendorPort, s);
            var hop = vendorPort is null ? CheckHop.Dial : CheckHop.VendorPort;
            if (outcome.Connection is null)
            {
                var refused = CheckFaults.HopOf(outcome.Reason);
                trail.Fail(refused == CheckHop.Policy ? refused : hop, Mended(CheckFaults.Far(outcome, who, service, plan.Name, vendorPort is not null)));
                return null;
            }

            // lmgrd may be asked more than once.
            if (vendorPort is null && isReached) return outcome.Connection;
            isReached = true;
            if (behind is not null && vendorPort is null) trail.Ok(CheckHop.Policy, $"{who} lets us use {service}");
            trail.Ok(hop, vendorPort is null ? $"{who} reaches {(behind is null ? target : $"the target of {service}")}" : $"{who} reaches port {vendorPort} of the same server");
            return outcome.Connection;
        }
    }

    // Clients resolve the name, and only where they are on this machine can it be told here what they will find.
    private static async Task<bool> NamedAsync(CheckTrail trail, FlexLmRedirect redirect, Asked asked, CancellationToken stop)
    {
        if (asked.Listens.Count == 0)
        {
            trail.Skip(CheckHop.RedirectName, $"on the nodes {redirect.Host} must mean the junction that they connect to");
            return true;
        }

        var host = asked.RewriteHost ?? redirect.Host;
        var (addresses, why) = await CheckTrail.ResolveAsync(host, stop);
        var junction = asked.Listens[0].Address is { } ip && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any) ? ip : null;
        var line = $"add to /etc/hosts of whoever runs licensed programs: {junction?.ToString() ?? "JUNCTION"} {host}";
        if (addresses is not null && (junction is null || addresses.Contains(junction)))
            trail.Ok(CheckHop.RedirectName, $"{host} is {string.Join(", ", addresses)}");
        else if (!asked.Listens.TrueForAll(l => l.IsThisMachine))
            trail.Warn(CheckHop.RedirectName, $"{(addresses is null ? why : $"{host} is {string.Join(", ", addresses)} on this machine")}: on the nodes it must mean the junction ({junction?.ToString() ?? "its address"}); there, junction check {asked.Listens[0].Ports.First}@… tells");
        else if (addresses is not null)
            trail.Warn(CheckHop.RedirectName, $"{host} is {string.Join(", ", addresses)}: programs on this machine go there, and not to the junction. If that is not meant: {line}");
        else
        {
            trail.Fail(CheckHop.RedirectName, new(ExitCodes.Name, why, line, CheckFaults.VendorUnreachable));
            return false;
        }

        return true;
    }
}

/// <summary>What a walk is to ask at its end.</summary>
/// <param name="IsFollowed">There is a FlexNet license server.</param>
/// <param name="Vendor">Its vendor daemon; empty: the one that lmgrd names.</param>
/// <param name="Listens">Where clients connect; empty for a service.</param>
/// <param name="RewriteHost">What the relay puts in place of the redirect's host.</param>
/// <param name="Via">The proxy through which targets are dialled; null = none.</param>
internal sealed record Asked(bool IsFollowed, string Vendor, List<ListenAddress> Listens, string? RewriteHost = null, string? Via = null);
