using System.Buffers;

namespace JunctionRelay.Links;

/// <summary>
/// Bytes of one transport, cut into frames. The pieces of a DATA are handed on as they come, so that no frame is ever put together; all other frames
/// are small. Returns what is wrong as text and never throws on any bytes.
/// </summary>
internal sealed class LinkReader : IDisposable
{
    // Several TLS records; and what remains of a frame is moved to the front less often.
    private const int BufferBytes = 128 * 1024;

    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int _start;
    private int _end;
    private int _dataLeft;
    private int _skipLeft;
    private uint _dataStream;
    private uint _dataOffset;

    /// <summary>Where the next bytes are to be received.</summary>
    public Memory<byte> Room
    {
        get
        {
            if (_start == _end)
                _start = _end = 0;
            else if (_buffer.Length - _start < LinkFrame.MaxFrameBytes || _end == _buffer.Length)
                MoveToFront();
            return _buffer.AsMemory(_end);
        }
    }

    /// <summary><paramref name="bytes"/> bytes were received into <see cref="Room"/>.</summary>
    public void Received(int bytes) => _end += bytes;

    /// <summary>The next whole frame but for DATA's, for the handshake: its payload is valid until the next call. Null when more bytes are needed.</summary>
    public (LinkFrame Frame, ReadOnlyMemory<byte> Payload)? TryReadWhole(out string? violation)
    {
        violation = null;
        if (_end - _start < LinkFrame.HeaderBytes)
            return null;
        var frame = LinkFrame.ReadHeader(_buffer.AsSpan(_start));
        violation = frame.Violation();
        if (violation is not null || _end - _start < LinkFrame.HeaderBytes + frame.Length)
            return null;
        var payload = _buffer.AsMemory(_start + LinkFrame.HeaderBytes, frame.Length);
        _start += LinkFrame.HeaderBytes + frame.Length;
        return (frame, payload);
    }

    /// <summary>Gives every frame that is complete, and the pieces of DATA, to <paramref name="session"/>. Returns a violation, or null.</summary>
    public string? Apply(LinkSession session)
    {
        while (true)
        {
            var available = _end - _start;
            if (_skipLeft > 0)
            {
                if (available == 0)
                    return null;
                var skipped = Math.Min(available, _skipLeft);
                _start += skipped;
                _skipLeft -= skipped;
                continue;
            }

            if (_dataLeft > 0)
            {
                if (available == 0)
                    return null;
                var length = Math.Min(available, _dataLeft);
                if (session.ApplyData(_dataStream, _dataOffset, _buffer.AsSpan(_start, length)) is { } wrong)
                    return wrong;
                _start += length;
                _dataLeft -= length;
                _dataOffset += (uint)length;
                continue;
            }

            if (available < LinkFrame.HeaderBytes)
                return null;
            var bytes = _buffer.AsSpan(_start, available);
            var frame = LinkFrame.ReadHeader(bytes);
            if (frame.Violation() is { } violation)
                return violation;
            if (frame.Type == LinkFrameType.Data)
            {
                if (available < LinkFrame.DataHeaderBytes)
                    return null;
                _dataStream = frame.Stream;
                _dataOffset = LinkFrame.ReadDataOffset(bytes[LinkFrame.HeaderBytes..]);
                _dataLeft = frame.Length - sizeof(uint);
                _start += LinkFrame.DataHeaderBytes;
            }
            else if (!frame.IsKnownType)
            {
                session.ApplyUnknown((byte)frame.Type);
                _skipLeft = frame.Length;
                _start += LinkFrame.HeaderBytes;
            }
            else
            {
                if (available < LinkFrame.HeaderBytes + frame.Length)
                    return null;
                _start += LinkFrame.HeaderBytes + frame.Length;
                if (session.Apply(frame, bytes.Slice(LinkFrame.HeaderBytes, frame.Length)) is { } wrong)
                    return wrong;
            }
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private void MoveToFront()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
    }
}
