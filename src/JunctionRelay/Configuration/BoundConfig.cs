namespace JunctionRelay.Configuration;

/// <summary>What the binder made of the layers.</summary>
/// <param name="Where">For every key that was said, as people see it, who said it.</param>
/// <param name="Unclear">The keys that were said, or probably meant, but not so that they could be understood: null in the configuration, yet not absent.</param>
internal sealed record BoundConfig(JunctionConfig Config, IReadOnlyDictionary<string, string> Where, IReadOnlySet<string> Unclear)
{
    /// <summary>Who said <paramref name="path"/>; for a key that is missing, who said the section that it is missing from.</summary>
    public string? WhereIs(string? path)
    {
        for (; path is not null; path = Above(path))
        {
            if (Where.TryGetValue(path, out var found))
                return found;
        }

        return null;
    }

    /// <summary>Whether nothing is known of <paramref name="path"/> because it, or a section that it is in, was not understood.</summary>
    public bool IsUnclear(string? path)
    {
        for (; path is not null; path = Above(path))
        {
            if (Unclear.Contains(path))
                return true;
        }

        return false;
    }

    private static string? Above(string path) => path.LastIndexOfAny(['.', '[']) is var end && end < 0 ? null : path[..end];
}
