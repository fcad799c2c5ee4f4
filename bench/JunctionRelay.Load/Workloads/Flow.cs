namespace JunctionRelay.Load.Workloads;

/// <summary>One connection of the load.</summary>
internal sealed class Flow(int file, uint seed)
{
    public readonly int File = file;
    public readonly uint Seed = seed;
    public uint Interest;

    /// <summary>Bytes sent and received, in the offsets of <see cref="Order"/>.</summary>
    public long Sent, Received;

    /// <summary>Bulk: push: where to stop, and what is confirmed; pull: what was granted.</summary>
    public long Limit, Confirmed;

    /// <summary>Stopwatch timestamp of the request that is under way.</summary>
    public long StartedAt;

    /// <summary>A confirmation that may come in pieces.</summary>
    public readonly byte[] Small = new byte[8];

    /// <summary>Bytes of the entrance's answers that have come; -1 before the first word is said.</summary>
    public int Greeted = -1;

    public bool Waiting;
    public bool Connected;
}
