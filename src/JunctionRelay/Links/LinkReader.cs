namespace JunctionRelay.Links;

/// <summary>
/// Bytes of one transport, cut into frames wherever the pieces that come may end. DATA goes on piece by piece straight from where it was received;
/// heads and the other frames, small all of them, are put together here. Returns what is wrong as text and never throws on any bytes.
/// </summary>
internal sealed class LinkReader
{
    // Grows once for a KNOWN or a long OPEN.
    private byte[] _frame = new byte[LinkFrame.HeaderBytes + 64];
    private int _held;
    private int _dataLeft;
    private int _skipLeft;
    private uint _dataStream;
    private uint _dataOffset;

    /// <summary>
    /// Takes bytes for the first frame until it is whole; its payload is valid until the next call. Returns how many were taken: what follows belongs
    /// to <see cref="Apply"/>.
    /// </summary>
    public int TakeFirst(ReadOnlySpan<byte> bytes, out LinkFrame? frame, out ReadOnlyMemory<byte> payload, out string? violation)
    {
        (frame, payload) = (null, default);
        var taken = 0;
        if (Assemble(bytes, ref taken, out violation) is { } whole)
        {
            frame = whole;
            payload = _frame.AsMemory(LinkFrame.HeaderBytes, whole.Type == LinkFrameType.Data || !whole.IsKnownType ? 0 : whole.Length);
        }

        return taken;
    }

    /// <summary>Gives everything in <paramref name="bytes"/> to <paramref name="session"/>. Returns a violation, or null.</summary>
    public string? Apply(ReadOnlySpan<byte> bytes, LinkSession session)
    {
        while (!bytes.IsEmpty)
        {
            if (_dataLeft > 0)
            {
                var piece = bytes[..Math.Min(bytes.Length, _dataLeft)];
                if (session.ApplyData(_dataStream, _dataOffset, piece) is { } wrong)
                    return wrong;
                bytes = bytes[piece.Length..];
                _dataLeft -= piece.Length;
                _dataOffset += (uint)piece.Length;
            }
            else if (_skipLeft > 0)
            {
                var skipped = Math.Min(bytes.Length, _skipLeft);
                bytes = bytes[skipped..];
                _skipLeft -= skipped;
            }
            else
            {
                var taken = 0;
                var whole = Assemble(bytes, ref taken, out var violation);
                if (violation is not null)
                    return violation;
                bytes = bytes[taken..];
                if (whole is not { } frame)
                    continue;
                if (frame.Type == LinkFrameType.Data)
                {
                    (_dataStream, _dataLeft) = (frame.Stream, frame.Length - sizeof(uint));
                    _dataOffset = LinkFrame.ReadDataOffset(_frame.AsSpan(LinkFrame.HeaderBytes));
                }
                else if (!frame.IsKnownType)
                {
                    session.ApplyUnknown((byte)frame.Type);
                    _skipLeft = frame.Length;
                }
                else if (session.Apply(frame, _frame.AsSpan(LinkFrame.HeaderBytes, frame.Length)) is { } wrong)
                {
                    return wrong;
                }
            }
        }

        return null;
    }

    // Collects a header; then, of DATA, the offset, and of all others but unknown ones the payload.
    private LinkFrame? Assemble(ReadOnlySpan<byte> bytes, ref int taken, out string? violation)
    {
        violation = null;
        while (true)
        {
            var wanted = LinkFrame.HeaderBytes;
            LinkFrame? frame = null;
            if (_held >= LinkFrame.HeaderBytes)
            {
                frame = LinkFrame.ReadHeader(_frame);
                violation = frame.Value.Violation();
                if (violation is not null)
                    return null;
                wanted += frame.Value.Type == LinkFrameType.Data ? sizeof(uint) : frame.Value.IsKnownType ? frame.Value.Length : 0;
            }

            if (frame is not null && _held == wanted)
            {
                _held = 0;
                return frame;
            }

            var piece = bytes[taken..];
            piece = piece[..Math.Min(piece.Length, wanted - _held)];
            if (piece.IsEmpty)
                return null;
            if (wanted > _frame.Length)
                Array.Resize(ref _frame, wanted);
            piece.CopyTo(_frame.AsSpan(_held));
            _held += piece.Length;
            taken += piece.Length;
        }
    }
}
