using System.Text;

namespace JunctionRelay.Connections;

/// <summary>
/// The head of a proxy's answer to CONNECT (RFC 9112, 2 to 4), however TCP splits it, taken byte for byte up to its empty line: what follows is the
/// target's. Proxies explain themselves in pages, of which no more than <see cref="MostBytes"/> are read.
/// </summary>
internal sealed class HttpProxyAnswer
{
    public const int MostBytes = 8 * 1024;

    private readonly byte[] _head = new byte[MostBytes];
    private int _length;
    private bool _ended;

    /// <summary>There is nothing more to take: the head has ended, or is too long.</summary>
    public bool IsComplete => _ended || _length == MostBytes;

    /// <summary>The status code; 0 when the answer is not HTTP, is cut off, or is too long.</summary>
    public int Status
    {
        get
        {
            var line = Line;
            return _ended && line.StartsWith("HTTP/1.", StringComparison.Ordinal) && line.Length >= 12 && line[8] == ' ' && (line.Length == 12 || line[12] == ' ')
                && int.TryParse(line.AsSpan(9, 3), System.Globalization.NumberStyles.None, null, out var status) ? status : 0;
        }
    }

    /// <summary>The status line as a log may show it, or what there was instead.</summary>
    public string Line
    {
        get
        {
            if (_length == 0) return "nothing";
            if (!_ended && IsComplete) return "more than 8 KiB";
            var line = _head.AsSpan(0, _length);
            var end = line.IndexOfAny((byte)'\r', (byte)'\n');
            line = line[..Math.Min(end < 0 ? line.Length : end, 200)];
            return new string([.. Encoding.UTF8.GetString(line).Select(c => char.IsControl(c) ? '?' : c)]);
        }
    }

    /// <summary>Takes what belongs to the head; returns how many bytes those were.</summary>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        while (taken < bytes.Length && !IsComplete)
        {
            _head[_length++] = bytes[taken++];
            // A lone LF ends a line as well (RFC 9112, 2.2).
            var head = _head.AsSpan(0, _length);
            _ended = head.EndsWith("\n\r\n"u8) || head.EndsWith("\n\n"u8);
        }

        return taken;
    }
}
