using System.Diagnostics;

namespace JunctionRelay.Tests.Harness;

/// <summary>Waits for a condition, looking often, with a deadline.</summary>
public static class Eventually
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    public static async Task TrueAsync(Func<bool> condition, Func<string> otherwise, TimeSpan? within = null)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed > (within ?? Deadline)) Assert.Fail(otherwise());
            await Task.Delay(5);
        }
    }
}
