using System.Buffers;

namespace JunctionRelay.Links;

/// <summary>
/// A piece of memory that holds consecutive bytes of one stream. Those to be sent leave room for a frame header before them, so that a bulk frame
/// goes out straight from here.
/// </summary>
internal sealed class LinkSegment(byte[] array) : ReadOnlySequenceSegment<byte>
{
    public byte[] Array { get; } = array;

    /// <summary>The offset in its stream of the first byte.</summary>
    public long Start => RunningIndex;

    /// <summary>Bytes held.</summary>
    public int Length { get; private set; }

    /// <summary>A write to the transport reads from here: the segment must not be used again before it is over.</summary>
    public bool IsPinned { get; set; }

    /// <summary>Unlinked while it was pinned: goes back to the pool when it is unpinned.</summary>
    public bool IsFree { get; set; }

    public LinkSegment? NextSegment => (LinkSegment?)Next;

    public Memory<byte> Room => Array.AsMemory(_first + Length);

    /// <summary>The first <see cref="LinkFrame.DataHeaderBytes"/> bytes of the array and then the bytes: a frame, once its header is written.</summary>
    public Memory<byte> Frame => Array.AsMemory(0, _first + Length);

    private int _first;

    /// <summary>Begins a new use: bytes from offset <paramref name="start"/> on, after <paramref name="headerRoom"/> bytes.</summary>
    public LinkSegment Begin(long start, int headerRoom)
    {
        (RunningIndex, _first, Length) = (start, headerRoom, 0);
        Memory = default;
        Next = null;
        return this;
    }

    public void Append(LinkSegment next) => Next = next;

    public void Unlink() => Next = null;

    public void Fill(int bytes)
    {
        Length += bytes;
        Memory = Array.AsMemory(_first, Length);
    }
}
