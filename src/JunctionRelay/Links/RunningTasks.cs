using System.Collections.Concurrent;

namespace JunctionRelay.Links;

/// <summary>Tasks that come and go, so that somebody can wait for those that are there. None of them may throw. Thread-safe.</summary>
internal sealed class RunningTasks
{
    private readonly ConcurrentDictionary<Task, bool> _tasks = new();

    public void Add(Task task)
    {
        _tasks.TryAdd(task, true);
        _ = task.ContinueWith(static (done, all) => ((ConcurrentDictionary<Task, bool>)all!).TryRemove(done, out _), _tasks, TaskScheduler.Default);
    }

    public Task WhenAllAsync() => Task.WhenAll(_tasks.Keys);
}
