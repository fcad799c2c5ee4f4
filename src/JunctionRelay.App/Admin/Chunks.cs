using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace JunctionRelay.App.Admin;

/// <summary>
/// A text in pieces, complete and read-only once made. The pieces are small: what is large is collected with a pause for all threads (the large object heap), and a status of
/// thousands of connections a second would be.
/// </summary>
internal sealed class Chunks : IBufferWriter<byte>
{
    private const int Size = 16 * 1024;

    private readonly List<ReadOnlyMemory<byte>> _pieces = [];
    private byte[] _last = [];
    private int _used;

    public long Length => _pieces.Sum(p => (long)p.Length) + _used;

    public static Chunks Json<T>(T value, JsonTypeInfo<T> type)
    {
        var text = new Chunks();
        text.Add(value, type);
        return text;
    }

    public static Chunks Text(StringBuilder builder)
    {
        var text = new Chunks();
        foreach (var piece in builder.GetChunks()) Encoding.UTF8.GetBytes(piece.Span, text);
        return text;
    }

    /// <summary>A server-sent event (JSON has no line ends of its own).</summary>
    public static Chunks Event<T>(string name, T value, JsonTypeInfo<T> type)
    {
        var text = new Chunks();
        Encoding.UTF8.GetBytes($"event: {name}\ndata: ", text);
        text.Add(value, type);
        Encoding.UTF8.GetBytes("\n\n", text);
        return text;
    }

    public async Task WriteToAsync(Stream stream, CancellationToken cancellationToken)
    {
        foreach (var piece in _pieces) await stream.WriteAsync(piece, cancellationToken);
        await stream.WriteAsync(_last.AsMemory(0, _used), cancellationToken);
    }

    public void Advance(int count) => _used += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_last.Length - _used >= Math.Max(1, sizeHint)) return _last.AsMemory(_used);
        if (_used > 0) _pieces.Add(_last.AsMemory(0, _used));
        (_last, _used) = (new byte[Math.Max(Size, sizeHint)], 0);
        return _last;
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    private void Add<T>(T value, JsonTypeInfo<T> type)
    {
        using var writer = new Utf8JsonWriter(this);
        JsonSerializer.Serialize(writer, value, type);
    }
}
