using System.Runtime.InteropServices;
using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links.Model;

internal enum Phase : byte
{
    Down,
    AwaitsKnown,
    Up,
}

internal enum Known : byte
{
    Never,
    Live,
    Forgotten,
}

// Public, since a test takes it as a parameter.
public enum FrameKind : byte
{
    Hello,
    Known,
    Open,
    Data,
    End,
    Credit,
    Reset,
    Gone,
}

internal enum StepKind : byte
{
    // What the program at a stream does.
    Open,
    Write,
    End,
    Take,
    Abort,
    // What a link does.
    Send,
    Receive,
    // What the network does, and who notices.
    Cut,
    Notice,
    Dial,
}

/// <summary>One thing that happens at end <paramref name="End"/>; <paramref name="Frame"/> is that of a <see cref="StepKind.Send"/>.</summary>
internal readonly record struct ModelStep(StepKind Kind, int End = 0, int Stream = 0, FrameKind Frame = default);

/// <summary>A frame on its way. <paramref name="Offset"/> is that of DATA and END; <paramref name="Told"/> that of CREDIT.</summary>
internal sealed record ModelFrame(int Epoch, FrameKind Kind, int Stream = 0, long Offset = 0, KnownStream Told = default, KnownStream?[]? List = null, int Highest = 0)
{
    public void Write(List<char> key)
    {
        key.Add((char)(Epoch << 8 | (int)Kind << 4 | Stream));
        key.Add((char)Offset);
        ModelState.Write(key, Told);
        if (List is null)
            return;
        key.Add((char)Highest);
        foreach (var entry in List)
        {
            key.Add(entry is null ? 'n' : 'y');
            if (entry is { } listed)
                ModelState.Write(key, listed);
        }
    }
}

/// <summary>One end: its session, its streams, and the program at each stream (which dials, writes, takes and aborts).</summary>
internal sealed class ModelEnd
{
    public Phase Phase = Phase.Up;
    public int Epoch = 1;
    public int Highest;
    public required StreamLedger[] Ledgers;
    public required Known[] Status;
    public required int[] Dials;
    public required bool[] Aborted;
    public required bool[] HeardReset;
    public List<ModelFrame> Incoming = [];

    public ModelEnd Copy() => new()
    {
        Phase = Phase,
        Epoch = Epoch,
        Highest = Highest,
        Ledgers = [.. Ledgers],
        Status = [.. Status],
        Dials = [.. Dials],
        Aborted = [.. Aborted],
        HeardReset = [.. HeardReset],
        Incoming = [.. Incoming],
    };
}

/// <summary>Two ends and the network between them. End 0 dials.</summary>
internal sealed class ModelState
{
    public required ModelEnd[] Ends;
    public bool Broken;
    public int CutsLeft;
    public int AbortsLeft;

    public ModelState Copy() => new() { Ends = [Ends[0].Copy(), Ends[1].Copy()], Broken = Broken, CutsLeft = CutsLeft, AbortsLeft = AbortsLeft };

    /// <summary>The whole state as text: equal states have equal keys.</summary>
    public string Key()
    {
        var key = new List<char>(160) { (char)(CutsLeft << 8 | AbortsLeft << 1 | (Broken ? 1 : 0)) };
        foreach (var end in Ends)
        {
            key.Add((char)((int)end.Phase << 8 | end.Epoch << 4 | end.Highest));
            for (var s = 0; s < end.Ledgers.Length; s++)
            {
                key.Add((char)((int)end.Status[s] | end.Dials[s] << 2 | (end.Aborted[s] ? 64 : 0) | (end.HeardReset[s] ? 128 : 0)));
                if (end.Status[s] == Known.Live)
                    Write(key, end.Ledgers[s]);
                else
                    Write(key, new KnownStream(false, end.Ledgers[s].Received, end.Ledgers[s].Delivered, 0));
            }

            key.Add((char)end.Incoming.Count);
            foreach (var frame in end.Incoming)
                frame.Write(key);
        }

        return new string(CollectionsMarshal.AsSpan(key));
    }

    public static void Write(List<char> key, KnownStream told) =>
        key.Add((char)((told.Reset ? 0x8000 : 0) | (int)told.Received << 8 | (int)told.Delivered << 4 | (int)told.Limit));

    private static void Write(List<char> key, StreamLedger l)
    {
        key.Add((char)((int)l.Written << 8 | (int)l.Sent << 4 | (int)l.PeerReceived));
        key.Add((char)((int)l.PeerDelivered << 8 | (int)l.PeerLimit << 4 | (int)l.Received));
        key.Add((char)((int)l.Delivered << 8 | (int)l.Limit << 4 | (int)l.ToldReceived));
        key.Add((char)((int)l.ToldDelivered << 8 | (int)l.ToldLimit << 4 | (l.Ended ? 2 : 0) | (l.PeerEnded ? 1 : 0)));
        key.Add((char)((l.OpenSent ? 1 : 0) | (l.Known ? 2 : 0) | (l.Reset ? 4 : 0) | (l.ResetSent ? 8 : 0) | (l.PeerResets ? 16 : 0)));
    }
}
