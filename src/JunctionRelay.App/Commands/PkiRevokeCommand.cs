using System.CommandLine;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Pki;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction pki revoke</c>: puts names, serial numbers and keys on the signed deny list.</summary>
internal static class PkiRevokeCommand
{
    private static readonly Argument<string?> Name = new("NAME")
    {
        Description = "A junction, with the key that its name is bound to; or a pattern, e.g. 'node-*'",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Serial = new("--serial") { Description = "One certificate", HelpName = "HEX" };
    private static readonly Option<string?> Key = new("--key") { Description = "Every certificate of one key, by its SHA-256", HelpName = "HEX" };
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for those who read the list", HelpName = "TEXT" };
    private static readonly Option<bool> Undo = new("--undo") { Description = "Take it off the list" };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("revoke", "Revoke a junction: what it has open ends within seconds, and it is let in nowhere"),
            """
            junction pki revoke node-07 --reason stolen
            junction pki revoke --serial 5A01…
            junction pki revoke node-07 --undo
            """);
        command.Arguments.Add(Name);
        var pki = new PkiOptions(command);
        foreach (var option in new Option[] { Serial, Key, Reason, Undo }) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            var (name, serial, key) = (result.GetValue(Name), result.GetValue(Serial), result.GetValue(Key));
            if (new[] { name, serial, key }.Count(v => v is not null) != 1) result.AddError("Name one: a junction, --serial or --key.");
            if (name is not null && !NodeName.IsName(name) && !NodeName.IsPattern(name)) result.AddError($"{name}: {NodeName.Grammar}; * and ? stand for any");
            if (serial is not null && !IsHex(serial, 1, 40)) result.AddError($"--serial {serial}: write the hexadecimal digits that `openssl x509 -serial` prints");
            if (key is not null && !IsHex(key, 64, 64)) result.AddError($"--key {key}: write the 64 hexadecimal digits that `junction pki show` prints");
        });
        command.SetAction((parsed, cancel) => PkiOptions.RunAsync(() => RunAsync(parsed, pki.Directory(parsed), cancel)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, string directory, CancellationToken cancellationToken)
    {
        using var pki = PkiDirectory.Open(directory, TimeProvider.System);
        using var held = await pki.LockAsync(cancellationToken);
        var entries = Entries(parsed, pki).ToList();
        var undo = parsed.GetValue(Undo);
        var found = pki.ReadDenyList()?.Entries.Count(e => entries.Exists(e.IsAbout)) ?? 0;
        if (undo && found == 0)
        {
            await Console.Error.WriteLineAsync($"junction: {entries[0]} is not on the deny list; `junction pki show` prints it");
            return ExitCodes.Failed;
        }

        var list = pki.ChangeDenyList(old => undo ? old.Where(o => !entries.Exists(o.IsAbout)) : [.. old.Where(o => !entries.Exists(o.IsAbout)), .. entries]);
        foreach (var entry in entries) await Console.Out.WriteLineAsync($"{(undo ? "no longer revoked" : "revoked")}: {entry}");
        if (!undo && entries[0].Serial is { } serial) await Console.Out.WriteLineAsync(Reach(serial, pki));
        await Console.Out.WriteLineAsync($"deny list {list.Number} with {list.Entries.Count} entries: {pki.DenyListFile}");
        return ExitCodes.Ok;
    }

    // One certificate is seldom what is meant: its key may have a newer one.
    private static string Reach(string serial, PkiDirectory pki) => pki.Nodes().FirstOrDefault(n => n.Serial.Equals(serial, StringComparison.OrdinalIgnoreCase)) is { } node
        ? $"it is the newest certificate of {node.Name}, which can renew it no more: to get another it has to join anew, with a new key"
        : "it is not the newest certificate of any junction here: whoever has its key may hold another; `junction pki revoke NAME` denies name and key";

    // With a name its key: else the same key could come back under another name.
    private static IEnumerable<DenyEntry> Entries(ParseResult parsed, PkiDirectory pki)
    {
        var entry = new DenyEntry
        {
            Name = parsed.GetValue(Name),
            Serial = parsed.GetValue(Serial)?.ToUpperInvariant(),
            Key = parsed.GetValue(Key)?.ToLowerInvariant(),
            Since = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(),
            Reason = parsed.GetValue(Reason),
        };
        yield return entry;
        if (entry.Name is { } name && NodeName.IsName(name) && pki.ReadNode(name) is { } node) yield return entry with { Name = null, Key = node.Key };
    }

    private static bool IsHex(string text, int shortest, int longest) => text.Length >= shortest && text.Length <= longest && text.All(char.IsAsciiHexDigit);
}
