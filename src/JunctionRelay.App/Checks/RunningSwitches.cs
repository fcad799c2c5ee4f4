using System.Text.Json;
using JunctionRelay.App.Admin;
using JunctionRelay.Configuration;
using JunctionRelay.Policies;

namespace JunctionRelay.App.Checks;

/// <summary>What <c>junction pause</c> has switched off stands in no file: the running junction is asked, over the admin endpoint without which nobody can pause anything.</summary>
/// <param name="admin">The endpoint; null where the configuration has none.</param>
internal sealed class RunningSwitches(AdminPlan? admin)
{
    private Task<(IReadOnlySet<string> Paused, string? Problem)>? _asked;

    /// <summary>False, and told, where the service is paused.</summary>
    public async Task<bool> LetAsync(string service, CheckTrail trail, CancellationToken stop)
    {
        if (admin is null) return true;
        var (paused, problem) = await (_asked ??= AskAsync(admin, stop));
        if (problem is not null) trail.Skip(CheckHop.Policy, $"whether somebody has paused it is not known: {problem}");
        if (!paused.Contains(service)) return true;
        trail.Fail(CheckHop.Policy, CheckFaults.Paused(PausedServices.Refusal(service), "this junction", service));
        return false;
    }

    private static async Task<(IReadOnlySet<string> Paused, string? Problem)> AskAsync(AdminPlan admin, CancellationToken stop)
    {
        using var client = new AdminClient(admin, CheckLimits.Answer);
        var answer = await client.StatusAsync(stop);
        var paused = new HashSet<string>(StringComparer.Ordinal);
        if (answer.Body is not { } body) return (paused, answer.Problem);
        try
        {
            var status = JsonSerializer.Deserialize(body, StatusJson.Default.StatusDocument);
            foreach (var relay in status?.Relays ?? [])
            {
                if (relay is { Kind: "service", Paused: true }) paused.Add(relay.Name[(relay.Name.IndexOf('/') + 1)..]);
            }

            return (paused, null);
        }
        catch (JsonException e)
        {
            return (paused, $"what the junction answers is no status: {e.Message}");
        }
    }
}
