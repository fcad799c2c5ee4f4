using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction pki show</c>: the authority, the junctions that it named, and the deny list.</summary>
internal static class PkiShowCommand
{
    private static readonly Option<bool> Json = new("--json") { Description = "As JSON" };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("show", "Show the authority, the junctions that it has named, and whom it has revoked"),
            """
            junction pki show
            junction pki show --json | jq .junctions
            """);
        var pki = new PkiOptions(command);
        command.Options.Add(Json);
        command.SetAction((parsed, _) => PkiOptions.RunAsync(() => RunAsync(pki.Directory(parsed), parsed.GetValue(Json))));
        return command;
    }

    /// <summary>The DNS name of a certificate of ours.</summary>
    public static string DnsName(X509Certificate2 certificate) => PeerIdentity.Of(certificate).Name;

    private static async Task<int> RunAsync(string directory, bool json)
    {
        using var pki = PkiDirectory.Open(directory, TimeProvider.System);
        await Console.Out.WriteAsync(json ? AsJson(pki).ToJsonString(new() { WriteIndented = true }) + "\n" : AsText(pki));
        return ExitCodes.Ok;
    }

    private static string AsText(PkiDirectory pki)
    {
        var nodes = pki.Nodes().ToList();
        var deny = pki.ReadDenyList();
        var lines = new List<string>
        {
            $"domain     {pki.Ca.Domain}",
            $"lives at   {pki.Settings.Junction}, in {pki.Root}",
            $"valid      until {Time(pki.Ca.Certificate.NotAfter)}",
            $"key        {pki.Ca.KeyHash}",
            $"junctions  {nodes.Count}",
        };
        if (nodes.Count > 0) lines.Add($"  {"name",-24} {"valid until",-20} {"renewals",8} {"rejoins",7} {"from",-24} key");
        lines.AddRange(nodes.Select(n => $"  {n.Name,-24} {Time(n.Expires),-20} {n.Renewals,8} {n.Rejoins.Length,7} {n.From ?? "-",-24} {n.Key}"));
        lines.Add($"revoked    {deny?.Entries.Count ?? 0}{(deny is null ? "" : $" (list {deny.Number})")}");
        lines.AddRange((deny?.Entries ?? []).Select(e => $"  {e} since {Time(DateTimeOffset.FromUnixTimeSeconds(e.Since))}{(e.Reason is null ? "" : $": {e.Reason}")}"));
        return string.Concat(lines.Select(l => l + "\n"));
    }

    private static JsonObject AsJson(PkiDirectory pki)
    {
        var deny = pki.ReadDenyList();
        return new JsonObject
        {
            ["domain"] = pki.Ca.Domain,
            ["junction"] = pki.Settings.Junction,
            ["notAfter"] = Time(pki.Ca.Certificate.NotAfter),
            ["key"] = pki.Ca.KeyHash,
            ["junctions"] = new JsonArray([.. pki.Nodes().Select(n => (JsonNode)new JsonObject
            {
                ["name"] = n.Name,
                ["key"] = n.Key,
                ["serial"] = n.Serial,
                ["joined"] = Time(n.Joined),
                ["issued"] = Time(n.Issued),
                ["notAfter"] = Time(n.Expires),
                ["renewals"] = n.Renewals,
                ["rejoins"] = n.Rejoins.Length,
                ["from"] = n.From,
                ["token"] = n.Token,
            })]),
            ["denyList"] = deny is null ? null : new JsonObject
            {
                ["number"] = deny.Number,
                ["entries"] = new JsonArray([.. deny.Entries.Select(e => (JsonNode)new JsonObject
                {
                    ["name"] = e.Name,
                    ["serial"] = e.Serial,
                    ["key"] = e.Key,
                    ["since"] = Time(DateTimeOffset.FromUnixTimeSeconds(e.Since)),
                    ["reason"] = e.Reason,
                })]),
            },
        };
    }

    private static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
