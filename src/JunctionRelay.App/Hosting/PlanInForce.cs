using JunctionRelay.Configuration;

namespace JunctionRelay.App.Hosting;

/// <summary>The plan that runs now, for whoever tells of it.</summary>
internal sealed class PlanInForce(JunctionPlan first)
{
    private volatile JunctionPlan _plan = first;

    public JunctionPlan Plan
    {
        get => _plan;
        set => _plan = value;
    }
}
