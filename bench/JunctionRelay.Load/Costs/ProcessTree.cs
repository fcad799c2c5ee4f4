using System.Globalization;

namespace JunctionRelay.Load.Costs;

/// <summary>What /proc says of a process and everything that it started: proc(5).</summary>
internal static class ProcessTree
{
    private static readonly long PageSize = Environment.SystemPageSize;

    /// <summary>True while <paramref name="pid"/> runs (a zombie does not).</summary>
    public static bool IsAlive(int pid) => ReadStat(pid) is { } stat && stat[0] != "Z";

    /// <summary><paramref name="root"/> and all its descendants that live now.</summary>
    public static List<int> Of(int root)
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var pid) || ReadStat(pid) is not { } stat)
                continue;
            var parent = int.Parse(stat[1], CultureInfo.InvariantCulture);
            (children.TryGetValue(parent, out var list) ? list : children[parent] = []).Add(pid);
        }
        List<int> tree = [root];
        for (var i = 0; i < tree.Count; i++)
            tree.AddRange(children.GetValueOrDefault(tree[i], []));
        return tree;
    }

    /// <summary>Every thread of the process.</summary>
    public static List<int> Threads(int pid)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/{pid}/task").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];   // it ended
        }
    }

    /// <summary>CPU time in clock ticks (10 ms): its own (utime + stime), and that of children which have ended (cutime + cstime).</summary>
    public static (long Own, long EndedChildren) Ticks(int pid)
    {
        if (ReadStat(pid) is not { } stat)
            return default;
        return (Number(11) + Number(12), Number(13) + Number(14));

        long Number(int field) => long.Parse(stat[field], CultureInfo.InvariantCulture);
    }

    /// <summary>Resident memory in bytes; kernel memory of its sockets is not in it.</summary>
    public static long ResidentBytes(int pid)
    {
        try
        {
            return long.Parse(File.ReadAllText($"/proc/{pid}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * PageSize;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>The fields of /proc/PID/stat from the third (state) on: the name before them may itself hold spaces and brackets.</summary>
    private static string[]? ReadStat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
