using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Pki;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction pki init</c>: makes an authority.</summary>
internal static class PkiInitCommand
{
    // The TLD that ICANN keeps for private use: no public name can ever stand below it.
    private const string DefaultDomain = "junction.internal";

    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromDays(3650);

    private static readonly Option<string?> Domain = new("--domain")
    {
        Description = $"The trust domain: the authority can issue names below it and no others (default: {DefaultDomain})",
        HelpName = "DOMAIN",
    };

    private static readonly Option<string?> Junction = new("--junction")
    {
        Description = "The name of the junction at which the authority lives, where others join (default: this machine's host name)",
        HelpName = "NAME",
    };

    private static readonly Option<TimeSpan?> Lifetime = PkiOptions.Lifetime(
        "--lifetime", $"How long the authority is valid (default: {DefaultLifetime.TotalDays:0}d)", TimeSpan.FromHours(1));

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("init", "Make an authority: ECDSA P-256, for one domain, with none below it"),
            """
            junction pki init --junction hq
            junction pki init --directory /etc/junction/pki --domain licenses.example.com --junction hq
            """);
        var pki = new PkiOptions(command);
        command.Options.Add(Domain);
        command.Options.Add(Junction);
        command.Options.Add(Lifetime);
        command.SetAction((parsed, _) => PkiOptions.RunAsync(() => RunAsync(
            pki.Directory(parsed), parsed.GetValue(Domain) ?? DefaultDomain, parsed.GetValue(Junction) ?? HostName(), parsed.GetValue(Lifetime) ?? DefaultLifetime)));
        command.Validators.Add(result =>
        {
            if (result.GetValue(Junction) is { } name) PkiOptions.RefuseOtherNames(result, name);
            if (result.GetValue(Domain) is { } domain && !NodeName.IsDomain(domain))
                result.AddError($"--domain {domain}: write a DNS name of two parts or more in small letters, e.g. {DefaultDomain}");
        });
        return command;
    }

    private static string HostName() => Environment.MachineName.Split('.')[0].ToLowerInvariant() is var host && NodeName.IsName(host) ? host : "hq";

    private static async Task<int> RunAsync(string directory, string domain, string junction, TimeSpan lifetime)
    {
        using var pki = PkiDirectory.Init(directory, domain, junction, lifetime, TimeProvider.System);
        await Console.Out.WriteLineAsync($"authority of {domain} made in {pki.Root}, valid until {pki.Ca.Certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}");
        await Console.Out.WriteLineAsync($"key (SHA-256): {pki.Ca.KeyHash}");
        await Console.Out.WriteLineAsync($"{pki.Root}/ca.key can make an identity of any name: whoever reads it is every junction. Keep it on this machine alone.");
        await Console.Out.WriteLineAsync($"next: junction pki issue {junction} --out {junction}");
        return ExitCodes.Ok;
    }
}
