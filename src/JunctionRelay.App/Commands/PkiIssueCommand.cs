using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Pki;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction pki issue</c>: an identity directory by hand, for the authority's own junction and for those that cannot join by themselves.</summary>
internal static class PkiIssueCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "What the junction is called in `links` and `peers`" };

    private static readonly Option<string?> Out = new("--out", "--identity")
    {
        Description = "The identity directory to write: junction.crt, junction.key, ca.crt; a key that is there is kept (default: ./NAME)",
        HelpName = "DIR",
    };

    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromDays(30);

    private static readonly Option<TimeSpan?> Lifetime = PkiOptions.Lifetime(
        "--lifetime", $"How long the certificate is valid (default: {DefaultLifetime.TotalDays:0}d)", TimeSpan.FromSeconds(10));

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("issue", "Write an identity directory for a junction"),
            """
            junction pki issue hq --out /etc/junction/identity
            junction pki issue cloud                             into ./cloud, to be copied to that junction
            """);
        command.Arguments.Add(Name);
        var pki = new PkiOptions(command);
        command.Options.Add(Out);
        command.Options.Add(Lifetime);
        command.Validators.Add(result =>
        {
            if (result.GetValue(Name) is { } name) PkiOptions.RefuseOtherNames(result, name);
        });
        command.SetAction((parsed, cancel) => PkiOptions.RunAsync(
            () => RunAsync(pki.Directory(parsed), parsed.GetValue(Name)!, parsed.GetValue(Out), parsed.GetValue(Lifetime) ?? DefaultLifetime, cancel)));
        return command;
    }

    private static async Task<int> RunAsync(string directory, string name, string? into, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        using var pki = PkiDirectory.Open(directory, TimeProvider.System);
        var identity = new IdentityDirectory(into ?? name);
        using var key = identity.KeepKey();
        using var held = await pki.LockAsync(cancellationToken);
        var known = pki.ReadNode(name);
        var node = known ?? new NodeRecord { Name = name, Key = "", Serial = "", Joined = TimeProvider.System.GetUtcNow() };
        using var issued = pki.Issue(node, new PublicKey(key), lifetime);
        if (name != pki.Settings.Junction) identity.WriteEnrolment(new EnrolmentRecord(pki.Settings.Junction, identity.ReadEnrolment()?.Address));
        identity.Write(issued.ExportCertificatePem() + "\n", pki.TrustPem);
        await Console.Out.WriteLineAsync($"{name} ({PkiShowCommand.DnsName(issued)}) issued into {identity.Root}, valid until {issued.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z");
        if (known is not null && pki.ReadNode(name)!.Key != known.Key)
            await Console.Out.WriteLineAsync($"{name} had another key, which is not renewed any more; what it holds runs out at {known.Expires:yyyy-MM-dd HH:mm:ss}Z, or revoke it: junction pki revoke --key {known.Key}");
        return ExitCodes.Ok;
    }
}
