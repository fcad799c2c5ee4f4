using System.Globalization;

namespace JunctionRelay.Configuration;

/// <summary>Lengths of time as people write them: <c>500ms</c>, <c>90s</c>, <c>5m</c>, <c>12h</c>, and <c>0</c>, which needs no unit.</summary>
internal static class Duration
{
    /// <summary>The longest: the system's timers end at 49 days (2^32 ms).</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1000);

    /// <summary>How to write one, for messages.</summary>
    public const string Grammar = "500ms, 90s, 5m or 12h, at most 1000h";

    private static readonly (string Unit, TimeSpan Length)[] Units =
    [
        // "ms" stands before "s" and "m", which it ends or begins with.
        ("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)), ("m", TimeSpan.FromMinutes(1)), ("h", TimeSpan.FromHours(1)),
    ];

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text == "0")
            return true;
        foreach (var (unit, length) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal))
                continue;
            if (!long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                || count > Longest / length)
                return false;
            duration = count * length;
            return true;
        }

        return false;
    }
}
