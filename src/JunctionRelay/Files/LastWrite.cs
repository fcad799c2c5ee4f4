namespace JunctionRelay.Files;

/// <summary>Of files that a running junction keeps: what became of the last try to write them, for whoever looks. Thread-safe.</summary>
internal sealed class LastWrite
{
    private volatile string? _failing;

    /// <summary>Why they could not be written; null when they could, or nothing has been written yet.</summary>
    public string? Failing => _failing;

    /// <summary>Writes. What it throws is kept as the reason, and thrown on.</summary>
    public void Do(Action write)
    {
        try
        {
            write();
            _failing = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Failed(e.Message);
            throw;
        }
    }

    /// <summary>It did not come to writing.</summary>
    public void Failed(string why) => _failing = why;
}
