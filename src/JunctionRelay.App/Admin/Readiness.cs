using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using JunctionRelay.Targets;

namespace JunctionRelay.App.Admin;

/// <summary>Whether new connections get anywhere: what load balancers and Kubernetes ask.</summary>
internal static class Readiness
{
    /// <summary>Of the whole junction: null when it is ready, else why not. One relay with a path is enough.</summary>
    public static string? Of(JunctionPlan plan, ServiceState state)
    {
        if (state != ServiceState.Running) return state.ToString().ToLowerInvariant();
        var all = All(plan).ToList();
        return all.Count == 0 || all.Exists(r => r.Targets.Any(t => t.HasPath)) ? null : $"no path: {string.Join(", ", all.Select(r => r.Name))}";
    }

    /// <summary>Of one relay, or of <c>service/NAME</c>. Not known = there is none of that name.</summary>
    public static (bool Known, string? NotReady) Of(JunctionPlan plan, ServiceState state, string name)
    {
        if (All(plan).FirstOrDefault(r => r.Name == name) is not { Name: not null } relay) return (false, null);
        if (state != ServiceState.Running) return (true, state.ToString().ToLowerInvariant());
        return (true, relay.Targets.Any(t => t.HasPath) ? null : $"no path: {name}");
    }

    private static IEnumerable<(string Name, IEnumerable<TargetList> Targets)> All(JunctionPlan plan) =>
        plan.Relays.Select(r => (r.Name, r.Services.All))
            .Concat((plan.Links?.Services.Services ?? new Dictionary<string, TargetList>()).Select(s => ($"service/{s.Key}", (IEnumerable<TargetList>)[s.Value])));
}
