using System.Net;
using System.Text.RegularExpressions;

namespace JunctionRelay.Configuration;

/// <summary>The rules that no single value can break: every problem is taken down, none stops the search.</summary>
internal sealed partial class ConfigChecks
{
    private readonly BoundConfig _bound;
    private readonly JunctionConfig _config;
    private readonly string _home;
    private readonly List<ConfigProblem> _problems;
    private readonly CertificateChecks _certificates;
    private readonly TlsFiles _identity;
    private readonly List<(string Path, ListenAddress Address, bool V6Only)> _listeners = [];

    private ConfigChecks(BoundConfig bound, string home, List<ConfigProblem> problems)
    {
        (_bound, _config, _home, _problems) = (bound, bound.Config, home, problems);
        _certificates = new CertificateChecks(problems);
        _identity = TlsFiles.Of(_config.Identity, home);
    }

    /// <summary>Checks what was understood. <paramref name="home"/>: the directory that its paths are relative to.</summary>
    public static void Check(BoundConfig bound, string home, List<ConfigProblem> problems) => new ConfigChecks(bound, home, problems).CheckAll();

    private void CheckAll()
    {
        if (_config.Name is { } name && !Name().IsMatch(name))
            Add("name", $"is '{name}'", NameRemedy);
        CheckIdentity();
        var relays = _config.Relays ?? new Dictionary<string, RelayConfig>();
        // A junction that serves peers alone needs no relay, and one where an authority lives need do nothing else.
        if (relays.Count == 0 && (_config.Services is null or { Count: 0 }) && _config.Pki is null && !_bound.Unclear.Any(u => u.StartsWith("relays", StringComparison.Ordinal)))
            Add("relays", "are missing, so that there is nothing to do", "add one: \"relays\": { \"NAME\": { \"listen\": [\"HOST:PORT\"], \"target\": [\"HOST:PORT\"] } }");
        foreach (var (key, relay) in relays)
            CheckRelay(key, $"relays.{key}", relay);
        CheckPresets();
        CheckLinks();
        CheckPeers();
        CheckPki();
        foreach (var (key, service) in _config.Services ?? new Dictionary<string, ServiceConfig>())
            CheckService(key, $"services.{key}", service);
        CheckAdmin();
        CheckAudit();
        CheckConflicts();
    }

    private void CheckIdentity()
    {
        if (_config.Identity is not { } identity)
            return;
        if (identity.Directory is not null && (identity.Certificate ?? identity.Key ?? identity.Trust) is not null)
            Add("identity.directory", "stands beside certificate, key or trust", "name the directory or the files, not both");
        if (identity is { Key: not null, Directory: null } && IsAbsent(identity.Certificate, "identity.certificate"))
            Add("identity.key", "has no certificate", "add identity.certificate");
        _certificates.Check(_identity);
    }

    private void CheckRelay(string name, string path, RelayConfig relay)
    {
        if (!Name().IsMatch(name))
            Add(path, $"has the name '{name}'", NameRemedy);

        var listens = Addresses($"{path}.listen", relay.Listen, ListenAddress.Read);
        var targets = Addresses($"{path}.target", relay.Target, TargetAddress.Read);
        if (IsAbsent(relay.Listen, $"{path}.listen"))
            Add($"{path}.listen", "is missing", "say where clients connect: \"listen\": [\"HOST:PORT\"]");
        if (IsAbsent(relay.Target, $"{path}.target") && relay.Open is null)
            Add($"{path}.target", "is missing", "say where connections go: \"target\": [\"HOST:PORT\"]");
        foreach (var (at, address) in listens)
            _listeners.Add((at, WithFullPath(address), relay.V6Only ?? false));

        CheckPreset($"{path}.preset", relay.Preset);
        CheckHostName($"{path}.hostName", relay.HostName);
        CheckLinkNames(targets);
        CheckRemoteListeners(path, relay, listens);
        CheckOpen(path, relay.Open, relay.Target, relay.Via);
        CheckVia(path, relay.Via, relay.ViaCredentials);
        CheckAuth($"{path}.auth", relay.Auth, isService: false);
        CheckLengths(listens, targets);
        CheckLoop(listens, targets);
        // An address that was not understood may be the one with tls:// or [::].
        if (listens.Count == relay.Listen?.Count && targets.Count == (relay.Target?.Count ?? 0))
        {
            CheckEffects(path, relay, listens, targets);
            CheckEntrances(path, relay, listens, targets);
            CheckFollowed(path, relay, listens, targets);
        }

        CheckTlsFiles(name, path, relay.Tls, listens.Any(l => l.Address.IsTls));
        CheckAllow($"{path}.allow", relay.Allow);
        CheckProxyFrom($"{path}.proxyFrom", relay.ProxyFrom, listens);
        CheckProxyProtocol(path, relay.ProxyProtocol, relay.Open, targets);
        if (relay.KeepAlive is { } keepAlive && keepAlive.Ticks % TimeSpan.TicksPerSecond != 0)
            Add($"{path}.keepAlive", "is no whole number of seconds", "TCP counts in seconds: write 30s or 60s");
        if (relay.HoldFor is not null && relay.WhenDown != "hold" && !_bound.IsUnclear($"{path}.whenDown"))
            Add($"{path}.holdFor", "has no effect without hold", "add \"whenDown\": \"hold\", or leave it out");
    }

    private delegate T? Reader<T>(string text, out Flaw flaw);

    private List<(string Path, T Address)> Addresses<T>(string path, IReadOnlyList<string>? texts, Reader<T> read)
        where T : class
    {
        var addresses = new List<(string, T)>();
        if (texts is { Count: 0 })
            Add(path, "is an empty list", "name at least one address");
        for (var i = 0; i < texts?.Count; i++)
        {
            var at = $"{path}[{i}]";
            if (read(texts[i], out var flaw) is not { } address)
                Add(at, flaw.What, flaw.Remedy);
            else
                addresses.Add((at, address));
        }

        return addresses;
    }

    // Port for port: the first of the listener goes to the first of the target.
    private void CheckLengths(List<(string Path, ListenAddress Address)> listens, List<(string Path, TargetAddress Address)> targets)
    {
        if (listens.Count == 0)
            return;
        var (first, length) = (listens[0].Path, listens[0].Address.Count);
        foreach (var (at, count) in listens.Select(l => (l.Path, l.Address.Count)).Concat(targets.Select(t => (t.Path, t.Address.Count))))
        {
            if (count != length)
                Add(at, $"has {Ports(count)} and {first} has {Ports(length)}", "ranges go port for port: make them equally long");
        }
    }

    // A relay that dials its own listener fills up with connections to itself at its first client.
    private void CheckLoop(List<(string Path, ListenAddress Address)> listens, List<(string Path, TargetAddress Address)> targets)
    {
        foreach (var (at, target) in targets)
        {
            var self = ListenAddress.Read(target.UnixPath is null ? $"{Bracketed(target.Host)}:{target.Ports}" : $"unix:{target.UnixPath}", out _);
            if (self is not null && listens.Find(l => l.Address.Overlaps(self, v6Only: false, otherV6Only: true)) is { Path: { } listener })
                Add(at, $"is where this relay itself listens ({listener})", "name the server behind it");
        }
    }

    // A setting without effect is a misunderstanding: who says tls believes that something is encrypted.
    private void CheckEffects(
        string path, RelayConfig relay, List<(string Path, ListenAddress Address)> listens, List<(string Path, TargetAddress Address)> targets)
    {
        foreach (var (at, _) in listens.Where(l => l.Address.IsStdio && OperatingSystem.IsWindows()))
            Add(at, "is standard input and output, which junction does not serve on Windows", "listen on a port: -L of junction forward, or an address here");
        if (relay.Compress is not null && targets.TrueForAll(t => t.Address.Service is null) && listens.TrueForAll(l => l.Address.Link is null))
            Add($"{path}.compress", "has no effect: nothing of this relay travels over a link", "leave it out, or name a target or listener behind a link: link://NAME/…");
        if (relay.HealthInterval > TimeSpan.Zero && listens.Any(l => l.Address.Count > 1))
            Add($"{path}.healthInterval", "has no effect on a port range", "leave it out: the ports of a range come and go with the jobs behind them");
        if (relay.V6Only == true && !listens.Any(l => IPAddress.IPv6Any.Equals(l.Address.Address)))
            Add($"{path}.v6Only", "has no effect", "it is for a listener on [::], which otherwise takes IPv4 as well");

        var tlsListener = listens.Any(l => l.Address.IsTls);
        var tlsTargets = targets.Where(t => t.Address.IsTls).ToList();
        foreach (var (at, address) in tlsTargets)
        {
            if (address.UnixPath is not null && IsAbsent(relay.Tls?.ServerName, $"{path}.tls.serverName"))
                Add(at, "is a unix socket, which has no name that a certificate could have", $"add {path}.tls.serverName");
        }

        if (relay.Tls is not { } tls)
            return;
        if (!tlsListener && tlsTargets.Count == 0)
            Add($"{path}.tls", "has no effect: no address of the relay begins with tls://", "write tls:// before the address that speaks TLS, or leave it out");
        else if (tls.ServerName is not null && tlsTargets.Count == 0)
            Add($"{path}.tls.serverName", "has no effect without a tls:// target", "leave it out, or write tls:// before the target");
        else if (tls.ClientCertificate is not null && !tlsListener)
            Add($"{path}.tls.clientCertificate", "has no effect without a tls:// listener", "leave it out, or write tls:// before the listener");
        else if (tls.AllowNames is not null && !tlsListener)
            Add($"{path}.tls.allowNames", "would let nobody in: only clients of a tls:// listener have names", "leave it out, or write tls:// before the listener");
    }

    private void CheckTlsFiles(string name, string path, TlsConfig? tls, bool tlsListener)
    {
        var files = TlsFiles.Of(name, tls, _identity, _home);
        if (tlsListener && IsAbsent(files.Certificate, $"{path}.tls.certificate") && !_bound.IsUnclear("identity.certificate") && !_bound.IsUnclear("identity.directory"))
            Add($"{path}.tls.certificate", "is missing, and a tls:// listener needs one", "add it here, or add identity.certificate for all");
        if (tls is { Key: not null } && IsAbsent(tls.Certificate, $"{path}.tls.certificate"))
            Add($"{path}.tls.key", "has no certificate", $"add {path}.tls.certificate");
        if (tls?.ClientCertificate == "require" && IsAbsent(files.Trust, $"{path}.tls.trust") && !_bound.IsUnclear("identity.trust"))
            Add($"{path}.tls.clientCertificate", "is require, and nobody is trusted", $"add {path}.tls.trust, the authorities that issue the clients' certificates");
        if (tls?.AllowNames is not null && (tls.ClientCertificate == "none" || (IsAbsent(files.Trust, $"{path}.tls.trust") && !_bound.IsUnclear("identity.trust"))))
            Add($"{path}.tls.allowNames", "would let nobody in: clients are not asked for a certificate", $"add {path}.tls.trust and leave clientCertificate at require");
        if (tls?.AllowNames is { Count: 0 })
            Add($"{path}.tls.allowNames", "is an empty list, so that nobody may connect", "list who may, or leave it out to let in whomever trust vouches for");
        _certificates.Check(files);
    }

    private void CheckAllow(string path, IReadOnlyList<string>? allow)
    {
        if (allow is { Count: 0 })
            Add(path, "is an empty list, so that nobody may connect", "list who may, or leave it out to let everybody");
        for (var i = 0; i < allow?.Count; i++)
        {
            if (AddressRange.Read(allow[i], out var flaw) is null)
                Add($"{path}[{i}]", flaw.What, flaw.Remedy);
        }
    }

    private void CheckConflicts()
    {
        for (var i = 0; i < _listeners.Count; i++)
        {
            var (path, address, v6Only) = _listeners[i];
            if (_listeners.Take(i).FirstOrDefault(l => l.Address.Overlaps(address, l.V6Only, v6Only)) is { Path: { } other })
                Add(path, $"wants what {other} listens on already", "give each an address or a port of its own");
        }
    }

    private bool IsAbsent(object? value, string path) => value is null && !_bound.IsUnclear(path);

    private ListenAddress WithFullPath(ListenAddress address) =>
        address.UnixPath is { } path ? address with { UnixPath = Path.GetFullPath(path, _home) } : address;

    private void Add(string path, string what, string remedy) => _problems.Add(new ConfigProblem(path, what, remedy));

    private static string Ports(int count) => count == 1 ? "1 port" : $"{count} ports";

    private static string Bracketed(string host) => host.Contains(':') ? $"[{host}]" : host;

    private const string NameRemedy = "names are up to 63 letters, digits, dots, hyphens and underscores, and begin with a letter or digit";

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    private static partial Regex Name();
}
