using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>The lines by which a node takes the junction for its license servers, between marks by which they are found again.</summary>
internal static class HostsBlock
{
    public const string Begin = "# begin junction";
    public const string End = "# end junction";

    /// <summary>The block; a name that means an address of the junction on each line, with its short form where that is nobody else's.</summary>
    public static string Of(IEnumerable<(string Address, string Name)> names)
    {
        var lines = names.Distinct().ToList();
        var shortNames = lines.Select(l => l.Name).Distinct(StringComparer.OrdinalIgnoreCase).GroupBy(n => n.Split('.')[0], StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.Count(), StringComparer.OrdinalIgnoreCase);
        var text = new StringBuilder($"{Begin}\n");
        foreach (var (address, name) in lines)
        {
            var first = name.Split('.')[0];
            text.Append(first != name && shortNames[first] == 1 && !LicenseNames.IsNobody(first) ? $"{address} {name} {first}\n" : $"{address} {name}\n");
        }

        return text.Append($"{End}\n").ToString();
    }
}
