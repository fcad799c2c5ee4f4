using System.CommandLine;
using System.Globalization;
using System.Net;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction import</c>: from license files to configurations, client files, and what nodes and firewalls need.</summary>
internal static class ImportCommand
{
    private const string Placeholder = "enterprise.example.com:8443";

    private static readonly Option<string[]> Listen = new("--listen")
    {
        Description = "The address on which compute nodes reach the junction; once more for servers that want the same port (default: 127.0.0.1, for an agent on each node)",
        HelpName = "ADDRESS",
    };

    private static readonly Option<string?> Enterprise = new("--enterprise")
    {
        Description = $"The enterprise junction, as the cloud junction dials it (default: {Placeholder}, to be replaced)",
        HelpName = "HOST:PORT",
    };

    private static readonly Option<bool> Direct = new("--direct") { Description = "One junction that reaches the servers itself, in place of a pair" };

    private static readonly Option<string[]> Nodes = new("--nodes")
    {
        Description = "The addresses of the compute nodes, e.g. 10.128.0.0/20 (default: whoever reaches the junction)",
        HelpName = "RANGE",
    };

    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = "The directory to write to",
        HelpName = "DIR",
        DefaultValueFactory = _ => "import",
    };

    private static readonly Option<bool> Force = new("--force") { Description = "Replace files that are there" };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("import", "Make configurations, a client license file, environment lines, a hosts block and a firewall request from license files"),
            """
            junction import license.dat                                                  what it would look like
            junction import license.dat --enterprise hq.example.com:8443                 an agent on each node, and the enterprise junction
            junction import a.lic b.lic --enterprise hq.example.com:8443 --listen 10.128.0.5 --nodes 10.128.0.0/20
            junction import 27000@lic1.example.com --sentieon lic3.example.com:8990      without a file
            junction import ssh 'ssh -N -L 27000:lic1:27000 me@hq.example.com'           from a command line for ssh, or a host of ssh_config
            """);
        command.Subcommands.Add(ImportSshCommand.Create());
        var licenses = new LicenseArguments(command);
        foreach (var option in new Option[] { Listen, Enterprise, Direct, Nodes, Out, Force })
            command.Options.Add(option);
        LicenseArguments.Check(Listen, text => IPAddress.TryParse(text, out var address) && !IPAddress.Any.Equals(address) && !IPAddress.IPv6Any.Equals(address)
            ? null : "the one address that nodes dial, e.g. 10.128.0.5: it also stands in the hosts block");
        LicenseArguments.Check(Nodes, text => AddressRange.Read(text, out var flaw) is null ? LicenseArguments.Say(flaw) : null);
        LicenseArguments.Check(Enterprise, LicenseArguments.NoHostAndPort);
        command.SetAction((parsed, cancellationToken) => RunAsync(licenses, parsed, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(LicenseArguments licenses, ParseResult parsed, CancellationToken cancellationToken)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var options = Options(parsed) with { ServerName = licenses.ServerName(parsed) };
        var problems = new List<string>();
        var (files, sources) = licenses.Read(parsed, problems);
        var found = LicenseImport.Read(files, sources, options);
        problems.AddRange(found.Problems);
        foreach (var remark in found.Remarks)
        {
            await output.WriteLineAsync(LicenseNames.Printable($"{remark.Where}: {remark.What}"));
            if (remark.Change is { } change)
                await output.WriteLineAsync($"    write:  {LicenseNames.Printable(change)}");
        }

        var directory = parsed.GetValue(Out)!;
        if (problems.Count == 0)
            await WriteAsync(directory, new ImportedFiles(found.Servers, options, Line(parsed)).All(), parsed.GetValue(Force), output, problems, cancellationToken);
        foreach (var problem in problems)
            await error.WriteLineAsync($"junction import: {LicenseNames.Printable(problem)}");
        if (problems.Count > 0)
            return ExitCodes.Configuration;
        await NextAsync(output, directory, options, found.Servers, parsed.GetValue(Enterprise) is null);
        return ExitCodes.Ok;
    }

    private static string Line(ParseResult parsed) =>
        LicenseNames.Printable(string.Join(' ', parsed.Tokens.Select(t => t.Value).SkipWhile(t => t == "import").Prepend("junction import")));

    private static ImportOptions Options(ParseResult parsed) => new()
    {
        Listen = parsed.GetValue(Listen) is { Length: > 0 } listen ? [.. listen.Select(a => IPAddress.Parse(a).ToString())] : ["127.0.0.1"],
        Enterprise = parsed.GetValue(Direct) ? null : TargetAddress.Read(parsed.GetValue(Enterprise) ?? Placeholder, out _) is { } address ? (address.Host, address.Ports.First) : null,
        Nodes = parsed.GetValue(Nodes) ?? [],
    };

    private static async Task WriteAsync(
        string directory, IReadOnlyList<(string Name, string Text)> files, bool force, TextWriter output, List<string> problems, CancellationToken cancellationToken)
    {
        if (!force && files.FirstOrDefault(f => File.Exists(Path.Combine(directory, f.Name))) is { Name: { } there })
        {
            problems.Add($"{Path.Combine(directory, there)} is there already; write elsewhere (--out DIR), or replace it (--force)");
            return;
        }

        try
        {
            Directory.CreateDirectory(directory);
            foreach (var (name, text) in files)
            {
                await File.WriteAllTextAsync(Path.Combine(directory, name), text, cancellationToken);
                await output.WriteLineAsync($"wrote {Path.Combine(directory, name)}");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{directory} cannot be written: {e.Message}");
        }
    }

    private static string Lines(string what, params string[] commands) => $"{what}:{string.Concat(commands.Select(c => $"\n     {c}"))}";

    private static async Task NextAsync(TextWriter output, string directory, ImportOptions options, IReadOnlyList<PlacedServer> servers, bool isPlaceholder)
    {
        string In(string file) => Path.Combine(directory, file);
        var steps = new List<string>();
        if (options.Enterprise is null)
        {
            steps.Add($"on a host that the nodes reach and that reaches the license server: junction run {In("junction.json")}");
        }
        else
        {
            if (isPlaceholder)
                steps.Add($"in {In("cloud.json")} write your enterprise junction for {Placeholder}, or import again with --enterprise HOST:PORT");
            // Agents are many, and each has a name of its own.
            var isAgent = servers.Any(s => LicenseNames.IsNobody(s.Address));
            var (where, there, token) = isAgent ? ("on each node", "node", "--name 'node-*' --uses 100 --ttl 24h") : ("in the cloud", "cloud", "--name cloud");
            var enterprise = options.Enterprise.Value;
            steps.Add(Lines("on the enterprise side, once: an authority, the identity of its junction, and a token for the other",
                $"junction pki init --junction enterprise --directory {In("pki")}",
                $"junction pki issue enterprise --directory {In("pki")} --out {In("identity")}",
                $"junction token create {token} --directory {In("pki")} --out {In("join.token")}"));
            steps.Add(Lines("there, from now on", $"junction run {In("enterprise.json")}"));
            steps.Add(Lines($"{where}, with cloud.json, join.token{(servers.Any(s => s.NodeHost != s.Address) ? ", hosts" : "")} and license.env brought there into the directory {there}",
                $"junction enroll {(enterprise.Host.Contains(':') ? $"[{enterprise.Host}]" : enterprise.Host)}:{enterprise.Port} --token-file {there}/join.token --identity {there}/identity{(isAgent ? " --name node-$(hostname -s)" : "")}",
                $"junction run {there}/cloud.json"));
        }

        if (servers.Any(s => s.NodeHost != s.Address))
            steps.Add($"on each node{(options.Enterprise is null ? ", not on the junction's host" : "")}: append {In("hosts")} to /etc/hosts");
        steps.Add($"in each job: . {In("license.env")}");
        steps.Add($"to whoever runs the firewalls: {In("firewall.md")}");
        await output.WriteLineAsync("next:");
        for (var i = 0; i < steps.Count; i++)
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"  {i + 1}. {steps[i]}"));
    }
}
