using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.App.Ssh;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction forward</c>: what people did with ssh -L, -R, -D, -J and -W, in the same words and without a file.</summary>
internal static class ForwardCommand
{
    private static readonly Option<string?> Identity = new("--identity")
    {
        Description = "The directory of this junction's identity (junction.crt, junction.key, ca.crt), for links; default: ~/.config/junction, then /etc/junction/identity",
        HelpName = "DIR",
    };

    private static readonly Option<string?> Users = new("--users")
    {
        Description = "Who may use -D on other addresses than loopback: a file with a line NAME:PASSWORD for each",
        HelpName = "FILE",
    };

    private static readonly Option<bool> PrintConfig = new("--print-config") { Description = "Print the configuration that does the same, for junction run, and stop" };

    /// <summary>Where an identity is looked for that nobody names.</summary>
    private static readonly IReadOnlyList<string> IdentityPlaces =
        [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "junction"), "/etc/junction/identity"];

    /// <summary>What the child of -f is called with, so that it has none itself.</summary>
    private const string Foreground = "--foreground";

    // ssh's own options are read by ssh's own rules; these stand here to be seen in --help.
    private static readonly Option[] OfSsh =
    [
        new Option<string>("-L") { Description = "Listen here, connect there; ranges 6000-6049:host:9095-9144 and unix sockets, too", HelpName = "[BIND:]PORT:HOST:HOSTPORT" },
        new Option<string>("-R") { Description = "Listen at the last hop, connect from here", HelpName = "[BIND:]PORT:HOST:HOSTPORT" },
        new Option<string>("-D") { Description = "Listen here for SOCKS clients", HelpName = "[BIND:]PORT" },
        new Option<string>("-W") { Description = "Connect standard input and output", HelpName = "HOST:PORT" },
        new Option<string>("-J") { Description = $"The junctions on the way (HOST[:PORT], default {ForwardConfig.LinkPort}; NAME=HOST where its certificate is for another name); a destination is the last of them", HelpName = "HOP[,HOP]" },
        new Option<string>("-o") { Description = "ExitOnForwardFailure=no, GatewayPorts=yes, HostKeyAlias=NAME, ConnectTimeout=5, ...", HelpName = "KEYWORD=VALUE" },
    ];

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("forward", "Forward ports, SOCKS and standard input in ssh's own words, from here or through other junctions"),
            """
            junction forward -L 8080:web.corp:80                                              from here
            junction forward -L 27000:lic1:27000 -L 27001:lic1:27001 -J hq=hq.example.com     through the junction hq, which must permit it (open)
            junction forward -L 6000-6049:server:9095-9144 -D 1080 user@hq.example.com        as ssh would be called; the user is ignored
            junction forward -R 6000:localhost:9095 -J hq=hq.example.com                      the other side listens, if it permits that (peers.*.listen)
            junction forward -L 3141:ecflow:3141 -J gate.example.com,hq.example.com           the link to hq goes through gate, which sees only ciphertext
            ssh -o ProxyCommand='junction forward -W %h:%p -J hq.example.com' server.corp     standard input and output
            junction forward --print-config -L 8080:web:80                                    what to write into a file
            """);
        foreach (var option in (Option[])[.. OfSsh, Identity, Users, PrintConfig]) command.Options.Add(option);
        return command;
    }

    /// <summary>Runs it with the words behind <c>forward</c>, which ssh's rules cut up and no others.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> words)
    {
        var (ours, rest) = OwnOptions(words);
        var line = SshCommandLine.Read(rest);
        foreach (var warning in line.Warnings) await Say($"warning: {warning}");
        foreach (var problem in ours.Problems.Concat(line.Problems)) await Say(problem);
        if (ours.Problems.Count > 0 || line.Problems.Count > 0) return ExitCodes.Usage;

        var identity = ours.Identity ?? (line.Hops.Count > 0 ? IdentityPlaces.FirstOrDefault(d => File.Exists(Path.Combine(d, "junction.crt"))) : null);
        var unresolved = new List<string>();
        var config = ForwardConfig.Of(line, identity, ours.Users, name => BindAddresses.Of(name, unresolved));
        foreach (var name in unresolved) await Say($"cannot listen on '{name}': it is no address of this machine and no name of one");
        if (unresolved.Count > 0) return ExitCodes.Unavailable;
        if (ours.PrintsConfig)
        {
            await Console.Out.WriteAsync($"// junction forward {string.Join(' ', words.Where(w => w != PrintConfig.Name))}\n{ForwardConfig.Text(config)}");
            return ExitCodes.Ok;
        }

        if (identity is null && line.Hops.Count > 0)
        {
            await Say($"a link to {line.Hops[^1].Host} needs to know who we are: add --identity DIR (junction.crt, junction.key, ca.crt; junction pki issue writes them), there is none in {string.Join(" or ", IdentityPlaces)}");
            return ExitCodes.Configuration;
        }

        OpenSslFloor.Demand();
        var reading = ConfigReader.Read(null, new Dictionary<string, string>(), ForwardConfig.Flat(config));
        foreach (var problem in reading.Problems) await Say(problem.ToString());
        if (reading.Config is null) return ExitCodes.Configuration;
        if (ours.StaysInForeground) Background.LeaveTerminal();
        return line.GoesToBackground && !ours.StaysInForeground
            ? await Background.RunAsync(["forward", Foreground, .. words])
            : await ForwardRun.RunAsync(line, reading, Say);
    }

    private sealed record Own(string? Identity, string? Users, bool PrintsConfig, bool StaysInForeground, List<string> Problems);

    // Long options: ssh has none.
    private static (Own Ours, List<string> OfSsh) OwnOptions(IReadOnlyList<string> words)
    {
        var (own, rest) = (new Own(null, null, false, false, []), new List<string>());
        for (var i = 0; i < words.Count; i++)
        {
            var (name, value) = words[i].Split('=', 2) is [var before, var after] ? (before, after) : (words[i], null);
            if (name == PrintConfig.Name) own = own with { PrintsConfig = true };
            else if (name == Foreground) own = own with { StaysInForeground = true };
            else if (name != Identity.Name && name != Users.Name)
            {
                if (name.StartsWith("--", StringComparison.Ordinal) && name.Length > 2) own.Problems.Add($"{name} is no option of junction forward; junction forward --help lists them");
                else rest.Add(words[i]);
            }
            else if ((value ??= ++i < words.Count ? words[i] : null) is not { Length: > 0 }) own.Problems.Add($"{name} has no value");
            else own = name == Identity.Name ? own with { Identity = value } : own with { Users = value };
        }

        return (own, rest);
    }

    private static Task Say(string text) => Console.Error.WriteLineAsync($"junction forward: {text}");
}
