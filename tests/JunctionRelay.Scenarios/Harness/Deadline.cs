using System.Diagnostics;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>Waiting for conditions: every wait names what it waits for and fails with that name when its time is over.</summary>
internal static class Deadline
{
    /// <summary>Enough for anything that should happen "at once" on a busy two-core machine.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    /// <summary>Enough for a real program to start or to finish a small job.</summary>
    public static readonly TimeSpan Start = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Polls until <paramref name="condition"/> holds; fails with <paramref name="what"/> and, if given, what was seen instead.</summary>
    public static Task Until(Func<bool> condition, TimeSpan within, string what, Func<string>? seen = null) =>
        Until(() => Task.FromResult(condition()), within, what, seen);

    /// <inheritdoc cref="Until(Func{bool}, TimeSpan, string, Func{string}?)"/>
    public static async Task Until(Func<Task<bool>> condition, TimeSpan within, string what, Func<string>? seen = null)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > within)
                Assert.Fail($"Not within {within.TotalSeconds:0.##} s: {what}.{(seen is null ? "" : $"\nSeen instead:\n{seen()}")}");
            await Task.Delay(PollInterval);
        }
    }

    /// <summary>Awaits <paramref name="task"/>; fails with <paramref name="what"/> when it takes longer.</summary>
    public static async Task<T> Within<T>(this Task<T> task, TimeSpan within, string what, Func<string>? seen = null)
    {
        await Within((Task)task, within, what, seen);
        return await task;
    }

    /// <inheritdoc cref="Within{T}"/>
    public static async Task Within(this Task task, TimeSpan within, string what, Func<string>? seen = null)
    {
        if (await Task.WhenAny(task, Task.Delay(within)) != task)
            Assert.Fail($"Not within {within.TotalSeconds:0.##} s: {what}.{(seen is null ? "" : $"\nSeen instead:\n{seen()}")}");
        await task;
    }
}
