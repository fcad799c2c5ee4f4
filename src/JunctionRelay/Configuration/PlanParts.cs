namespace JunctionRelay.Configuration;

/// <summary>
/// What a plan is made of, each part under a key that holds everything that went into it. A part of the plan before whose key is the same is used again: so
/// health, counts and links outlive a reload, and what changed in any way is made anew.
/// </summary>
internal sealed class PlanParts(PlanParts? before)
{
    private readonly Dictionary<string, Entry> _parts = [];
    private readonly Stack<List<string>> _making = new();
    private IReadOnlyDictionary<string, Entry>? _before = before?._parts;

    /// <param name="Uses">The keys of the parts that it was made of: they stay as long as it does.</param>
    private sealed record Entry(object Part, List<string> Uses);

    /// <summary>The part under <paramref name="key"/>: of this plan, else of the one before, else made.</summary>
    public T Of<T>(string key, Func<T> make)
        where T : class
    {
        key = $"{typeof(T).Name} {key}";
        if (_making.TryPeek(out var user)) user.Add(key);
        if (!_parts.ContainsKey(key) && !Keep(key))
        {
            var uses = new List<string>();
            _making.Push(uses);
            var part = make();
            _making.Pop();
            _parts.Add(key, new Entry(part, uses));
        }

        return (T)_parts[key].Part;
    }

    /// <summary>All parts of a kind.</summary>
    public IReadOnlyList<T> All<T>() => [.. _parts.Values.Select(p => p.Part).OfType<T>()];

    /// <summary>The plan is built. Returns what it did not use of the plan before, and lets go of it.</summary>
    public IReadOnlyList<object> Complete()
    {
        object[] dropped = [.. (_before ?? new Dictionary<string, Entry>()).Where(p => !_parts.ContainsKey(p.Key)).Select(p => p.Value.Part)];
        _before = null;
        return dropped;
    }

    private bool Keep(string key)
    {
        if (_before?.GetValueOrDefault(key) is not { } entry) return false;
        if (_parts.TryAdd(key, entry))
        {
            foreach (var used in entry.Uses) Keep(used);
        }

        return true;
    }
}
