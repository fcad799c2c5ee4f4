using System.Buffers.Binary;
using System.Text;

namespace JunctionRelay.Links;

/// <summary>
/// The payload of HELLO and OPEN: fields of tag (1 byte), length (2 bytes) and value. Unknown tags below 0x80 are skipped, others refuse the
/// message. Writing and reading side by side; reading never throws.
/// </summary>
internal ref struct LinkFieldsWriter(Span<byte> to)
{
    private readonly Span<byte> _to = to;

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    public void Add(byte tag, ReadOnlySpan<byte> value)
    {
        value.CopyTo(Begin(tag, value.Length));
    }

    public void Add(byte tag, string value) => Encoding.UTF8.GetBytes(value, Begin(tag, Encoding.UTF8.GetByteCount(value)));

    public void Add(byte tag, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Begin(tag, sizeof(uint)), value);

    public void Add(byte tag, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Begin(tag, sizeof(ulong)), value);

    public void Add(byte tag, Guid value) => value.TryWriteBytes(Begin(tag, 16), bigEndian: true, out _);

    /// <summary>Room for a value of <paramref name="length"/> bytes.</summary>
    public Span<byte> Begin(byte tag, int length)
    {
        _to[Length] = tag;
        BinaryPrimitives.WriteUInt16BigEndian(_to[(Length + 1)..], (ushort)length);
        var value = _to.Slice(Length + 3, length);
        Length += 3 + length;
        return value;
    }
}

/// <summary>Goes through the fields of a payload in order.</summary>
internal ref struct LinkFieldsReader(ReadOnlySpan<byte> fields)
{
    private const byte FirstMandatory = 0x80;

    private ReadOnlySpan<byte> _rest = fields;

    public byte Tag { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>The payload ended in the middle of a field.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>The field that was just read must be understood.</summary>
    public readonly bool IsMandatory => Tag >= FirstMandatory;

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;
        if (_rest.Length < 3 || BinaryPrimitives.ReadUInt16BigEndian(_rest[1..]) is var length && _rest.Length < 3 + length)
        {
            IsTruncated = true;
            return false;
        }

        Tag = _rest[0];
        Value = _rest.Slice(3, length);
        _rest = _rest[(3 + length)..];
        return true;
    }

    /// <summary>The value as text of at most <paramref name="longest"/> bytes; null when it is longer, empty or not printable.</summary>
    public readonly string? Text(int longest)
    {
        if (Value.Length == 0 || Value.Length > longest)
            return null;
        var text = Encoding.UTF8.GetString(Value);
        return HasControl(text) ? null : text;
    }

    /// <summary>A text of the peer's as a log may show it: control characters become question marks.</summary>
    public static string Printable(ReadOnlySpan<byte> utf8)
    {
        var text = Encoding.UTF8.GetString(utf8);
        return HasControl(text) ? new([.. text.Select(c => char.IsControl(c) ? '?' : c)]) : text;
    }

    private static bool HasControl(string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c))
                return true;
        }

        return false;
    }

    public readonly uint? UInt32() => Value.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(Value) : null;

    public readonly ulong? UInt64() => Value.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64BigEndian(Value) : null;

    public readonly Guid? Guid() => Value.Length == 16 ? new Guid(Value, bigEndian: true) : null;
}
