using System.Text;

namespace JunctionRelay.App.Ssh;

/// <summary>Cuts a line into words as a shell does: blanks, quotes of both kinds, backslashes; no variables, no substitutions.</summary>
internal static class CommandWords
{
    /// <summary>The words, or null when a quote is not closed.</summary>
    public static IReadOnlyList<string>? Of(string line)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        var quote = '\0';
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (word is not null) words.Add(word.ToString());
                word = null;
                continue;
            }

            word ??= new StringBuilder();
            if (c == quote) quote = '\0';
            else if (quote == '\0' && c is '\'' or '"') quote = c;
            // In single quotes a backslash is a letter; in double ones it is one before most letters.
            else if (c == '\\' && quote != '\'' && i + 1 < line.Length && (quote == '\0' || line[i + 1] is '"' or '\\' or '$')) word.Append(line[++i]);
            else word.Append(c);
        }

        if (quote != '\0') return null;
        if (word is not null) words.Add(word.ToString());
        return words;
    }
}
