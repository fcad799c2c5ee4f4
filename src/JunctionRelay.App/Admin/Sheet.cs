using Spectre.Console;

namespace JunctionRelay.App.Admin;

/// <summary>
/// A table of text that fits its screen: columns that are empty everywhere are left out, and where there is no room for all of them those that can be spared, the last first. A name is
/// never broken in two.
/// </summary>
/// <param name="columns">Their titles: with <c>*</c> behind it one that may wrap between words, with <c>-</c> one that can be spared.</param>
internal sealed class Sheet(params string[] columns)
{
    private const int Gap = 2;

    private readonly List<string[]> _rows = [];

    /// <summary>One more row; cells are markup.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <param name="width">Of the screen, in characters.</param>
    public Table In(int width)
    {
        var shown = Enumerable.Range(0, columns.Length).Where(i => _rows.Count == 0 || _rows.Exists(r => r[i].Length > 0)).ToList();
        // The first column can never be spared: 0 says that there is none.
        while (shown.Sum(i => Least(i) + Gap) > width && shown.FindLast(i => columns[i].EndsWith('-')) is > 0 and var spare) shown.Remove(spare);

        var table = new Table().Border(TableBorder.None).HideRowSeparators();
        foreach (var i in shown)
        {
            var header = new TableColumn(new Markup($"[dim]{Title(i)}[/]")).PadRight(Gap);
            table.AddColumn(Wraps(i) ? header : header.NoWrap());
        }

        foreach (var row in _rows) table.AddRow(shown.Select(i => new Markup(row[i]) { Overflow = Overflow.Ellipsis }));
        return table;
    }

    private string Title(int column) => columns[column].TrimEnd('*', '-');

    private bool Wraps(int column) => columns[column].EndsWith('*');

    // The narrowest that it can be: its longest line, or word where it may wrap.
    private int Least(int column) => _rows.Select(r => Markup.Remove(r[column])).Append(Title(column)).SelectMany(t => t.Split(Wraps(column) ? [' ', '\n'] : ['\n'])).Max(t => t.Length);
}
