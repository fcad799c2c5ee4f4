using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using JunctionRelay.Files;
using JunctionRelay.Policies;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Configuration;

/// <summary>From <c>auth</c> of a relay or a service to who is asked; its defaults stand here.</summary>
internal sealed class AuthBuilder(string home, TimeProvider time, ILogger log, PlanParts parts)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);
    private const int Concurrency = 8, Workers = 1;

    /// <summary>Of a relay, which finds out itself which user a client is.</summary>
    public ClientAuth Relay(string name, AuthConfig auth) => new(Users, Rules(auth), Hook($"relays.{name}", auth))
    {
        Brought = (Expanded(auth.Mech), Data(auth)),
    };

    /// <summary>Of a service, which takes the word of the peer.</summary>
    public ClientAuth Service(string name, AuthConfig auth) => new(null, Rules(auth), Hook($"services.{name}", auth));

    /// <summary>What is not in the configuration itself.</summary>
    public string KeyOf(AuthConfig? auth) => auth?.DataFile is null ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Data(auth))));

    /// <summary>A text in which ${NAME} is a variable of our environment; one that is not set is empty, since not every job has one.</summary>
    internal static string Expanded(string? text)
    {
        if (text is null) return "";
        for (var at = text.IndexOf("${", StringComparison.Ordinal); at >= 0; at = text.IndexOf("${", at, StringComparison.Ordinal))
        {
            var end = text.IndexOf('}', at);
            if (end < 0) break;
            var value = Environment.GetEnvironmentVariable(text[(at + 2)..end]) ?? "";
            text = text[..at] + value + text[(end + 1)..];
            at += value.Length;
        }

        return text;
    }

    private UserDatabase Users => parts.Of("of this machine", () => new UserDatabase(time));

    private string Data(AuthConfig auth) => auth.DataFile is { } file ? SecretFile.ReadText(Path.GetFullPath(file, home)).Trim() : Expanded(auth.Data);

    // A worker runs for as long as its section stays as it is.
    private IAuthHook? Hook(string owner, AuthConfig auth) => auth.Exec is not { } exec ? null
        : parts.Of($"{owner} {JsonSerializer.Serialize(auth, ConfigJsonContext.Default.AuthConfig)}", () => Hook(auth, Path.GetFullPath(exec, home)));

    private IAuthHook Hook(AuthConfig auth, string file)
    {
        return auth.Worker == true
            ? new AuthWorker(file, auth.Timeout ?? Timeout, auth.Concurrency ?? Workers, log)
            : new AuthProgram(file, auth.Timeout ?? Timeout, auth.Concurrency ?? Concurrency, log);
    }

    private static UserRules? Rules(AuthConfig auth) =>
        (auth.AllowUsers ?? auth.DenyUsers ?? auth.AllowGroups ?? auth.DenyGroups) is null
            ? null
            : new UserRules(Patterns(auth.AllowUsers), Patterns(auth.DenyUsers), Patterns(auth.AllowGroups), Patterns(auth.DenyGroups));

    private static NamePatterns? Patterns(IReadOnlyList<string>? names) => names is null ? null : new NamePatterns(names);
}
