using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>A line of a license file, with those that continue it.</summary>
/// <param name="Number">Of its first line, from 1.</param>
/// <param name="Text">One line, continuations joined by a space, nothing at its ends; it ends before what <paramref name="Swallowed"/> says.</param>
/// <param name="Swallowed">The number of a line that continues it and looks like one of its own, or like a comment; null = none.</param>
internal readonly record struct LicenseLine(int Number, string Text, int? Swallowed = null)
{
    /// <summary>The words, without the quotation marks that hold some together.</summary>
    public IReadOnlyList<string> Words()
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool quoted = false, begun = false;
        foreach (var c in Text)
        {
            if (c == '"')
                (quoted, begun) = (!quoted, true);
            else if (!quoted && char.IsWhiteSpace(c))
                End();
            else
                word.Append(c);
        }

        End();
        return words;

        void End()
        {
            if (begun || word.Length > 0)
                words.Add(word.ToString());
            word.Clear();
            begun = false;
        }
    }
}

/// <summary>
/// From the bytes of a license file to the few lines that say where the server is. Everything else (FEATURE, INCREMENT, LICENSE, comments) is skipped
/// here and goes nowhere.
/// </summary>
/// <remarks>
/// A line ends with LF or CRLF; <c>\</c> at its end continues it; <c>#</c> begins a comment, and so does whatever is no keyword; keywords are met in any
/// case (License Administration Guide, "License File Format Overview").
/// </remarks>
internal static class LicenseText
{
    /// <summary>Files with tens of thousands of FEATURE lines exist; larger than this is something else.</summary>
    public const int MaxFileBytes = 16 * 1024 * 1024;

    /// <summary>A line about a server is short; a path may be long.</summary>
    public const int MaxLineLength = 8 * 1024;

    private static readonly string[] Keywords = ["SERVER", "VENDOR", "DAEMON", "USE_SERVER", "HOST", "ISV"];

    // What else begins a line of a license file: with signatures and hostids in it.
    private static readonly string[] Licenses = ["FEATURE", "INCREMENT", "UPGRADE", "PACKAGE", "LICENSE"];

    /// <summary>The lines that begin with a keyword, or why these bytes are no license file.</summary>
    public static (IReadOnlyList<LicenseLine> Lines, string? Problem) Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxFileBytes)
            return ([], $"is longer than the {MaxFileBytes / (1024 * 1024)} MiB that a license file may have");
        var text = Decode(bytes);
        if (text.Contains('\0'))
            return ([], "is no text: a license file is a text file");

        var lines = new List<LicenseLine>();
        var joined = new StringBuilder();
        string? problem = null;
        int number = 0, first = 0;
        int? swallowed = null;
        var hasBegun = false;   // behind lines that hold a \ alone nothing has
        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty;)
        {
            number++;
            var line = NextLine(ref rest).Trim();
            if (joined.Length == 0)
                first = number;
            // A comment ends where its line ends, whatever stands there.
            var continues = line.EndsWith('\\') && !(joined.Length == 0 && line.StartsWith('#'));
            var piece = continues ? line[..^1].TrimEnd() : line;
            // A \ too many makes a SERVER line with its hostid the end of a VENDOR line. No client reads it there, and it must not be shown with that line.
            if (hasBegun && swallowed is null && LooksLikeAnother(piece))
                swallowed = number;
            if (swallowed is null)
                Append(joined, piece);
            hasBegun |= piece.Length > 0;
            if (continues)
                Append(joined, " ");
            else
                Take();
        }

        Take();
        return problem is null ? (lines, null) : ([], problem);

        void Take()
        {
            var line = new LicenseLine(first, joined.ToString().Trim(), swallowed);
            joined.Clear();
            (swallowed, hasBegun) = (null, false);
            if (!Keywords.Contains(FirstWord(line.Text), StringComparer.OrdinalIgnoreCase))
                return;
            if (line.Text.Length > MaxLineLength)
                problem ??= $"has a line of more than {MaxLineLength} characters that begins with {FirstWord(line.Text)} (line {first})";
            lines.Add(line);
        }
    }

    private static ReadOnlySpan<char> NextLine(ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny('\r', '\n');
        var line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? [] : rest[end..] is ['\r', '\n', ..] ? rest[(end + 2)..] : rest[(end + 1)..];
        return line;
    }

    // What is too long to be about a server is kept only so far that this is seen.
    private static void Append(StringBuilder joined, ReadOnlySpan<char> piece) =>
        joined.Append(piece[..Math.Clamp(MaxLineLength + 1 - joined.Length, 0, piece.Length)]);

    // However it is quoted. A host or a file may be called like a keyword, as a part of a longer name.
    private static bool LooksLikeAnother(ReadOnlySpan<char> piece)
    {
        var bare = piece.TrimStart("\" \t");
        var end = 0;
        while (end < bare.Length && bare[end] != '"' && !char.IsWhiteSpace(bare[end]))
            end++;
        return piece.StartsWith('#') || IsOneOf(Keywords, bare[..end]) || IsOneOf(Licenses, bare[..end]);
    }

    private static bool IsOneOf(string[] words, ReadOnlySpan<char> word)
    {
        foreach (var each in words)
        {
            if (word.Equals(each, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }

    private static string FirstWord(string line)
    {
        var end = line.AsSpan().IndexOfAny(' ', '\t');
        return end < 0 ? line : line[..end];
    }

    // Windows editors write UTF-16 and byte order marks. Anything else is ASCII where it matters, and Latin-1 reads any byte.
    private static string Decode(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xFF, 0xFE, .. var rest] => Encoding.Unicode.GetString(rest),
        [0xFE, 0xFF, .. var rest] => Encoding.BigEndianUnicode.GetString(rest),
        [0xEF, 0xBB, 0xBF, .. var rest] => Encoding.UTF8.GetString(rest),
        _ => Encoding.Latin1.GetString(bytes),
    };
}
