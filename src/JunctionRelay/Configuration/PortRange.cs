using System.Globalization;

namespace JunctionRelay.Configuration;

/// <summary>A port, or several in a row: <c>8990</c>, <c>6000-6049</c>.</summary>
internal readonly record struct PortRange(int First, int Last)
{
    public int Count => Last - First + 1;

    /// <summary>Port 0 at a listener: whichever is free.</summary>
    public bool IsAnyFree => First == 0;

    public bool Overlaps(PortRange other) => !IsAnyFree && First <= other.Last && other.First <= Last;

    /// <summary>Ports are 0 to 65535; 0 stands alone.</summary>
    public static bool TryParse(string text, out PortRange range)
    {
        var dash = text.IndexOf('-');
        var (first, last) = dash < 0 ? (text, text) : (text[..dash], text[(dash + 1)..]);
        range = default;
        if (!TryPort(first, out var from) || !TryPort(last, out var to) || from > to || (from == 0 && dash >= 0))
            return false;
        range = new PortRange(from, to);
        return true;
    }

    public override string ToString() => First == Last ? $"{First}" : $"{First}-{Last}";

    private static bool TryPort(string text, out ushort port) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);
}
