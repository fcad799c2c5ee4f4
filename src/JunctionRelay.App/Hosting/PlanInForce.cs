using JunctionRelay.Configuration;
using JunctionRelay.Policies;

namespace JunctionRelay.App.Hosting;

/// <summary>The plan that runs now, for whoever tells of it. With the junction end the programs that run for its plan.</summary>
internal sealed class PlanInForce(JunctionPlan first) : IDisposable
{
    private volatile JunctionPlan _plan = first;

    public JunctionPlan Plan
    {
        get => _plan;
        set => _plan = value;
    }

    public void Dispose()
    {
        foreach (var hook in _plan.Parts.All<IAuthHook>().OfType<IDisposable>()) hook.Dispose();
    }
}
