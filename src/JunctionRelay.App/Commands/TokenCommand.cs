using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Files;
using JunctionRelay.Pki;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction token</c>: what new junctions join with.</summary>
internal static class TokenCommand
{
    private static readonly TimeSpan DefaultTtl = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestTtl = TimeSpan.FromDays(366);
    private const int MostUses = 10_000;

    public static Command Create() => HelpExamples.Add(
        new Command("token", "Make and take back the tokens with which new junctions join") { CreateCommand(), ListCommand(), RevokeCommand() },
        """
        junction token create --name 'node-*' --uses 200 --ttl 24h --from 10.128.0.0/20 --out join.token
        junction token list
        junction token revoke 5c1d77a0b2e94f38
        """);

    private static Command CreateCommand()
    {
        var command = HelpExamples.Add(
            new Command("create", "Make a token; it is printed once and kept nowhere"),
            """
            junction token create --name build-7                            for one junction, within an hour
            junction token create --name 'node-*' --uses 200 --ttl 30d --from 10.128.0.0/20 --out join.token
            """);
        var pki = new PkiOptions(command);
        var name = new Option<string>("--name") { Description = "The name that it gives, or a pattern of names with * and ?", Required = true, HelpName = "NAME" };
        var uses = new Option<int?>("--uses") { Description = "How many junctions may join with it (default: 1)", HelpName = "N" };
        var ttl = PkiOptions.Lifetime("--ttl", "How long it is good for (default: 1h)", TimeSpan.FromSeconds(1));
        var from = new Option<string[]>("--from") { Description = "Where they may join from; may be given more than once (default: anywhere)", HelpName = "CIDR" };
        var output = new Option<string?>("--out") { Description = "Write it to a file for its owner alone (0600), rather than to standard output", HelpName = "FILE" };
        foreach (var option in new Option[] { name, uses, ttl, from, output }) command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(name) is { } said && !NodeName.IsName(said) && !NodeName.IsPattern(said)) result.AddError($"--name {said}: {NodeName.Grammar}; * and ? stand for any");
            if (result.GetValue(uses) is < 1 or > MostUses) result.AddError($"--uses: write a number from 1 to {MostUses}");
            if (result.GetValue(ttl) > LongestTtl) result.AddError($"--ttl: at most {LongestTtl.TotalDays:0}d");
            foreach (var range in result.GetValue(from) ?? [])
            {
                if (AddressRange.Read(range, out var flaw) is null) result.AddError($"--from {range} {flaw.What}; {flaw.Remedy}");
            }
        });
        command.SetAction((parsed, cancel) => PkiOptions.RunAsync(() => CreateAsync(
            pki.Directory(parsed), parsed.GetValue(name)!, parsed.GetValue(uses) ?? 1, parsed.GetValue(ttl) ?? DefaultTtl, parsed.GetValue(from) ?? [], parsed.GetValue(output), cancel)));
        return command;
    }

    private static async Task<int> CreateAsync(string directory, string name, int uses, TimeSpan ttl, string[] from, string? output, CancellationToken cancellationToken)
    {
        using var pki = PkiDirectory.Open(directory, TimeProvider.System);
        var now = TimeProvider.System.GetUtcNow();
        var token = JoinToken.Create(pki.Ca, pki.Settings.Junction, now + ttl);
        using (await pki.LockAsync(cancellationToken))
        {
            pki.Tokens.Write(new TokenRecord
            {
                Id = token.Id,
                Hash = Convert.ToHexStringLower(token.SecretHash),
                Name = name,
                Uses = uses,
                Created = now,
                Expires = token.Expires,
                From = [.. from.Select(r => AddressRange.Read(r, out _)!.Value.ToString())],
            });
        }

        if (output is not null) AtomicFile.Write(output, token.Reveal() + "\n", AtomicFile.Secret);
        else await Console.Out.WriteLineAsync(token.Reveal());
        await Console.Error.WriteLineAsync($"token {token.Id}: {name}, {uses} {(uses == 1 ? "use" : "uses")}, until {Time(token.Expires)}{(from.Length == 0 ? "" : $", from {string.Join(", ", from)}")}");
        await Console.Error.WriteLineAsync($"on the node: junction enroll HOST:PORT --token-file FILE   (HOST:PORT of {pki.Settings.Junction}'s linkListen)");
        return ExitCodes.Ok;
    }

    private static Command ListCommand()
    {
        var command = HelpExamples.Add(new Command("list", "Show the tokens: what they allow, and what became of them"), "junction token list");
        var pki = new PkiOptions(command);
        var json = new Option<bool>("--json") { Description = "As JSON" };
        command.Options.Add(json);
        command.SetAction((parsed, cancel) => PkiOptions.RunAsync(() => ListAsync(pki.Directory(parsed), parsed.GetValue(json), cancel)));
        return command;
    }

    private static async Task<int> ListAsync(string directory, bool json, CancellationToken cancellationToken)
    {
        using var pki = PkiDirectory.Open(directory, TimeProvider.System);
        using var held = await pki.LockAsync(cancellationToken);
        var now = TimeProvider.System.GetUtcNow();
        var tokens = pki.Tokens.All().Select(t => (Token: t, Used: pki.Tokens.Uses(t.Id).Count)).ToList();
        if (json)
        {
            var list = new JsonArray([.. tokens.Select(t => (JsonNode)new JsonObject
            {
                ["id"] = t.Token.Id,
                ["name"] = t.Token.Name,
                ["uses"] = t.Token.Uses,
                ["used"] = t.Used,
                ["created"] = Time(t.Token.Created),
                ["expires"] = Time(t.Token.Expires),
                ["from"] = new JsonArray([.. t.Token.From.Select(f => (JsonNode)f)]),
                ["state"] = StateOf(t.Token, t.Used, now),
            })]);
            await Console.Out.WriteLineAsync(list.ToJsonString(new() { WriteIndented = true }));
            return ExitCodes.Ok;
        }

        await Console.Out.WriteLineAsync($"{"id",-16}  {"state",-8}  {"used",11}  {"until",-20}  {"name",-24}  from");
        foreach (var (token, used) in tokens)
        {
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{token.Id,-16}  {StateOf(token, used, now),-8}  {$"{used} of {token.Uses}",11}  {Time(token.Expires),-20}  {token.Name,-24}  {(token.From.Length == 0 ? "anywhere" : string.Join(", ", token.From))}"));
        }

        return ExitCodes.Ok;
    }

    private static Command RevokeCommand()
    {
        var command = HelpExamples.Add(new Command("revoke", "Take a token back; those that have joined with it stay (junction pki revoke)"), "junction token revoke 5c1d77a0b2e94f38");
        var id = new Argument<string>("ID") { Description = "As `junction token list` shows it" };
        command.Arguments.Add(id);
        var pki = new PkiOptions(command);
        command.SetAction((parsed, cancel) => PkiOptions.RunAsync(() => RevokeAsync(pki.Directory(parsed), parsed.GetValue(id)!, cancel)));
        return command;
    }

    private static async Task<int> RevokeAsync(string directory, string id, CancellationToken cancellationToken)
    {
        using var pki = PkiDirectory.Open(directory, TimeProvider.System);
        using var held = await pki.LockAsync(cancellationToken);
        if (pki.Tokens.Read(id) is not { } token)
        {
            await Console.Error.WriteLineAsync($"junction: there is no token {id}; `junction token list` shows them");
            return ExitCodes.Failed;
        }

        pki.Tokens.Write(token with { Revoked = token.Revoked ?? TimeProvider.System.GetUtcNow() });
        await Console.Out.WriteLineAsync($"revoked: token {id}, used {pki.Tokens.Uses(id).Count} of {token.Uses} times");
        return ExitCodes.Ok;
    }

    private static string StateOf(TokenRecord token, int used, DateTimeOffset now) =>
        token.Revoked is not null ? "revoked" : now > token.Expires ? "expired" : used >= token.Uses ? "used up" : "open";

    private static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
