namespace JunctionRelay.Scenarios.Harness;

/// <summary>A disk of a few pages over a folder, with what was in it, seen by the program alone that starts on it (a tmpfs in a mount namespace of its own): full when a scenario says so.</summary>
internal sealed class SmallDisk(string folder)
{
    private const int PageBytes = 4096, MostBytes = 128 * 1024;
    private const string Filler = "filler";

    /// <summary>Before the program's own words.</summary>
    public IReadOnlyList<string> Wrapper =>
    [
        "unshare", "--mount", "--propagation", "private", "sh", "-c",
        $"cp -a \"$0\" \"$0.before\" && mount -t tmpfs -o size={MostBytes},mode=700 tmpfs \"$0\" && cp -a \"$0.before/.\" \"$0\" && exec \"$@\"", folder,
    ];

    /// <summary>Where its files are for everybody else.</summary>
    public string Of(RealProgram program) => $"/proc/{program.ProcessId}/root{folder}";

    /// <summary>Leaves not a byte of room.</summary>
    public void Fill(RealProgram program)
    {
        using var file = new FileStream(Path.Combine(Of(program), Filler), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var full = Record.Exception(() =>
        {
            while (file.Length < MostBytes) file.Write(new byte[PageBytes]);
        });
        Assert.IsType<IOException>(full);
        Assert.StartsWith("No space left on device", full.Message, StringComparison.Ordinal);
    }

    /// <summary>Makes room again.</summary>
    public void Free(RealProgram program) => File.Delete(Path.Combine(Of(program), Filler));

    /// <summary>What is in every file but the filler and the lock, which is empty and the program's, by path; one that goes while this looks is none.</summary>
    public SortedDictionary<string, string> Files(RealProgram program)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(Of(program), "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) is not (Filler or "lock")))
        {
            try
            {
                files[Path.GetRelativePath(Of(program), file)] = File.ReadAllText(file);
            }
            catch (FileNotFoundException)
            {
                // A try to write that has failed.
            }
        }

        return files;
    }
}
