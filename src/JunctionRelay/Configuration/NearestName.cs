namespace JunctionRelay.Configuration;

/// <summary>The name that somebody probably meant.</summary>
internal static class NearestName
{
    /// <summary>The closest of <paramref name="known"/> to <paramref name="typed"/> regardless of case, or null when none is close.</summary>
    public static string? To(string typed, IEnumerable<string> known)
    {
        var (name, distance) = known.Select(k => (Name: k, Distance: Distance(typed.ToUpperInvariant(), k.ToUpperInvariant())))
            .DefaultIfEmpty((Name: "", Distance: int.MaxValue)).MinBy(c => c.Distance);
        // Two letters swapped count as two; of three letters or more that is still the same word.
        return distance <= Math.Max(typed.Length < 3 ? 1 : 2, typed.Length / 3) ? name : null;
    }

    // Levenshtein: how many letters must be put in, taken out or changed.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }

        return row[b.Length];
    }
}
