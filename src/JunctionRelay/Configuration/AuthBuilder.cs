using JunctionRelay.Files;
using JunctionRelay.Policies;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Configuration;

/// <summary>From <c>auth</c> of a relay or a service to who is asked; its defaults stand here.</summary>
internal sealed class AuthBuilder(string home, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);
    private const int Concurrency = 8, Workers = 1;

    private readonly UserDatabase _users = new(time);

    /// <summary>Of a relay, which finds out itself which user a client is.</summary>
    public ClientAuth Relay(AuthConfig auth) => new(_users, Rules(auth), Hook(auth))
    {
        Brought = (Expanded(auth.Mech), auth.DataFile is { } file ? SecretFile.ReadText(Path.GetFullPath(file, home)).Trim() : Expanded(auth.Data)),
    };

    /// <summary>Of a service, which takes the word of the peer.</summary>
    public ClientAuth Service(AuthConfig auth) => new(null, Rules(auth), Hook(auth));

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

    private IAuthHook? Hook(AuthConfig auth)
    {
        if (auth.Exec is not { } exec) return null;
        var file = Path.GetFullPath(exec, home);
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
