using System.CommandLine;
using System.Globalization;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Exec;

/// <summary>What a job is to reach: the relays of a configuration, and servers that lie behind a link.</summary>
/// <param name="Reading">The configuration, in which every such server has a relay.</param>
/// <param name="Named">Variables for servers that the command line names, by the host that the job is to use.</param>
/// <param name="Own">The license variables that the job already has.</param>
internal sealed record JobNeeds(ConfigReading Reading, Func<Func<string, string>, IReadOnlyList<LicenseVariable>> Named, IReadOnlyList<JobVariable> Own);

/// <summary>The options of <c>junction exec</c>, which its agent reads again.</summary>
internal sealed class ExecOptions
{
    /// <summary>The link that <c>--via HOST:PORT</c> stands for.</summary>
    private const string Link = "via";

    /// <summary>What the names of relays begin with that stand for servers named here.</summary>
    public const string Prefix = "exec-via-";

    /// <summary>Where an identity is looked for that nobody names.</summary>
    private static readonly string[] Identities =
        [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "junction"), "/etc/junction/identity"];

    private readonly Option<string?> _via = new("--via")
    {
        Description = "Where the servers lie that the job's license variables or this line name: a link of the configuration, or, without any configuration, where a junction takes links",
        HelpName = "LINK|HOST:PORT",
    };

    private readonly Option<string?> _peer = new("--peer") { Description = "The name in the certificate of that junction (default: HOST)", HelpName = "NAME" };

    private readonly Option<string?> _identity = new("--identity")
    {
        Description = "The directory of our own identity for --via HOST:PORT (junction.crt, junction.key, ca.crt); default: ~/.config/junction, then /etc/junction/identity",
        HelpName = "DIR",
    };

    private readonly Option<string[]> _reach = new("--reach") { Description = "Another server that the job needs under its own name, over --via", HelpName = "HOST:PORT" };

    private readonly Option<string> _level = new Option<string>("--log-level")
    {
        Description = "What the agent says on standard error: events of this level and graver ones",
        DefaultValueFactory = _ => "warn",
    }.AcceptOnlyFromAmong("trace", "debug", "info", "warn", "error");

    private readonly ConfigOptions _config;
    private readonly LicenseArguments _licenses;

    public ExecOptions(Command command)
    {
        foreach (var option in new Option[] { _via, _peer, _identity, _reach }) command.Options.Add(option);
        _licenses = new LicenseArguments(command, asOption: true);
        _config = new ConfigOptions(command, hasArgument: false);
        command.Options.Add(_level);
        LicenseArguments.Check(_reach, text => TargetAddress.Read(text, out var flaw) is { Scheme: "", UnixPath: null } ? null : flaw == default ? "write HOST:PORT" : LicenseArguments.Say(flaw));
    }

    public string Level(ParseResult parsed) => parsed.GetValue(_level)!;

    /// <summary>Reads all of it; what is wrong is written to <paramref name="error"/>, and null is returned.</summary>
    public JobNeeds? Read(ParseResult parsed, TextWriter error)
    {
        var via = parsed.GetValue(_via);
        var address = via is null ? null : TargetAddress.Read(via, out _) is { Scheme: "", UnixPath: null, Count: 1 } said ? said : null;
        var problems = new List<string>();
        var own = via is null ? [] : JobVariable.Of(ConfigOptions.Environment());
        var (files, others) = _licenses.AreNamed(parsed) ? _licenses.Read(parsed, problems) : ([], []);
        var (sources, unclear) = LicenseImport.Sources(files, others, _licenses.ServerName(parsed));
        problems.AddRange(unclear);
        var servers = sources.SelectMany(s => s.Servers.Select(server => new JobServer(server.Name ?? server.Host, new PortRange(server.Port, server.Port), s.Kind == LicenseKind.FlexNet)))
            .Concat((parsed.GetValue(_reach) ?? []).Select(r => TargetAddress.Read(r, out _)!).Select(t => new JobServer(t.Host, t.Ports, false)))
            .Concat(own.SelectMany(v => v.Servers)).ToList();

        var link = address is null ? via : Link;
        if (via is null && servers.Count > 0) problems.Add("say where these servers lie: --via LINK, one of the configuration's, or --via HOST:PORT, a junction");
        foreach (var problem in problems) error.WriteLine($"junction exec: {LicenseNames.Printable(problem)}");
        if (problems.Count > 0) return null;

        var more = link is null ? [] : Relays(link, servers);
        if (address is not null && !AddLink(address, parsed, more, error)) return null;
        if (_config.Read(parsed, error, more, needsFile: address is null) is not { } reading) return null;
        return new JobNeeds(reading, host => LicenseVariable.Of(sources.Select(s => (s, (IReadOnlyList<(string, int)>)[.. s.Servers.Select(server => (host(server.Name ?? server.Host), server.Port))]))), own);
    }

    // A relay for each server, of which the junction over there knows where it is and whether we may.
    private static Dictionary<string, string> Relays(string link, IReadOnlyList<JobServer> servers)
    {
        var relays = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (i, server) in servers.GroupBy(s => $"{Bracketed(s.Host)}:{s.Ports}", StringComparer.OrdinalIgnoreCase).Index())
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"relays:{Prefix}{i + 1}");
            relays[$"{name}:listen"] = $"127.0.0.0/8:{server.First().Ports}";
            relays[$"{name}:target"] = $"link://{link}/{Links.LinkOpen.AnyService}/{server.Key}";
            if (server.Any(s => s.IsFollowed)) relays[$"{name}:protocol"] = "flexlm";
        }

        return relays;
    }

    private bool AddLink(TargetAddress address, ParseResult parsed, Dictionary<string, string> config, TextWriter error)
    {
        config[$"links:{Link}:dial"] = $"{Bracketed(address.Host)}:{address.Ports}";
        config[$"links:{Link}:peer"] = parsed.GetValue(_peer) ?? address.Host;
        if ((parsed.GetValue(_identity) ?? Identities.FirstOrDefault(Directory.Exists)) is { } directory)
        {
            config["identity:directory"] = Path.GetFullPath(directory);
            return true;
        }

        if (ConfigOptions.Environment().Keys.Any(k => k.StartsWith("JUNCTION_IDENTITY__", StringComparison.OrdinalIgnoreCase))) return true;
        error.WriteLine($"junction exec: a link to {address.Host} needs to know who we are: --identity DIR (junction.crt, junction.key, ca.crt), or have it in {string.Join(" or ", Identities)}");
        return false;
    }

    private static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
}
