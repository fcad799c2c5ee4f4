namespace JunctionRelay.Licensing;

/// <summary>What became of a hosts file's text.</summary>
/// <param name="Text">The new text; null when the old one cannot be edited safely.</param>
/// <param name="Problem">Why not, for people.</param>
internal readonly record struct HostsEdit(string? Text, string? Problem = null);

/// <summary>
/// Puts the block into the text of a hosts file and takes it out again, and touches no other line: taking out what was put in gives the same text again, to the byte.
/// The text is the file's bytes, one character each (Latin-1), so that whatever encoding they have is kept.
/// </summary>
internal static class HostsText
{
    /// <summary>The text with this block in place of the one that is there, else at the end. Applying it twice changes nothing the second time.</summary>
    /// <param name="block">What <see cref="HostsBlock.Of"/> made.</param>
    /// <param name="newLine">For a text without any line.</param>
    public static HostsEdit With(string text, string block, string newLine = "\n")
    {
        if (Find(text, out var problem) is not { } found) return new HostsEdit(null, problem);
        var end = text.IndexOf('\n') is var first && first < 0 ? newLine : first > 0 && text[first - 1] == '\r' ? "\r\n" : "\n";
        var lines = block.ReplaceLineEndings(end);
        if (found.Count > 0)
        {
            var (place, others) = (found[0], found[1..]);
            // Others stand behind it, so that taking them out does not move it.
            var rest = Without(text, others);
            var isEnded = rest[..place.End.Value].EndsWith('\n');
            return new HostsEdit(rest[..place.Start.Value] + (isEnded ? lines : lines[..^end.Length]) + rest[place.End.Value..]);
        }

        // A last line without an end gives its lack to the block, from which it gets it back.
        return new HostsEdit(text.Length == 0 || text.EndsWith('\n') ? text + lines : text + end + lines[..^end.Length]);
    }

    /// <summary>The text without the block; the same text where there is none.</summary>
    public static HostsEdit Without(string text) => Find(text, out var problem) is { } found ? new HostsEdit(Without(text, found)) : new HostsEdit(null, problem);

    /// <summary>
    /// Names of the block that another line gives another address, before the block or, without one, anywhere: that line wins. Line numbers from 1.
    /// </summary>
    public static IEnumerable<(int Line, string Name, string Address)> Shadows(string text, IReadOnlyList<(string Address, string Name)> names)
    {
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.TrimEnd('\r');
            if (line.Trim() == HostsBlock.Begin) yield break;
            if (line.Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not [var address, .. var said]) continue;
            foreach (var (_, name) in names.Where(n => n.Address != address && said.Contains(n.Name, StringComparer.OrdinalIgnoreCase)))
                yield return (number, name, address);
        }
    }

    // Every whole block, with the ends of its lines; null when a mark lacks its other one, since then nobody knows whose the lines in between are.
    private static List<Range>? Find(string text, out string? problem)
    {
        var (blocks, begin, beginLine, number) = (new List<Range>(), -1, 0, 0);
        for (var at = 0; at < text.Length;)
        {
            number++;
            var end = text.IndexOf('\n', at) is var found && found < 0 ? text.Length : found + 1;
            switch (text[at..end].Trim())
            {
                case HostsBlock.Begin when begin < 0:
                    (begin, beginLine) = (at, number);
                    break;
                case HostsBlock.End when begin >= 0:
                    blocks.Add(begin..end);
                    begin = -1;
                    break;
                case HostsBlock.Begin or HostsBlock.End:
                    problem = $"line {number} ({text[at..end].Trim()}) {(begin < 0 ? "has no beginning" : $"comes before the end of the block of line {beginLine}")}: take what is left of the old block out by hand";
                    return null;
            }

            at = end;
        }

        problem = begin < 0 ? null : $"line {beginLine} ({HostsBlock.Begin}) has no {HostsBlock.End}: take what is left of the old block out by hand";
        return begin < 0 ? blocks : null;
    }

    private static string Without(string text, List<Range> blocks)
    {
        foreach (var block in blocks.AsEnumerable().Reverse())
        {
            var start = block.Start.Value;
            // The end of the line before was the block's, if the block's last line has none.
            if (!text[block].EndsWith('\n') && start > 0) start -= text[..start].EndsWith("\r\n", StringComparison.Ordinal) ? 2 : 1;
            text = text[..start] + text[block.End.Value..];
        }

        return text;
    }
}
