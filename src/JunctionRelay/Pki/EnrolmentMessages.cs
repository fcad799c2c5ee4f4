using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using JunctionRelay.Connections;

namespace JunctionRelay.Pki;

/// <summary>What the server says first.</summary>
internal sealed record EnrolmentGreeting
{
    public int Version { get; init; }
    public string? Junction { get; init; }
    public string? Authority { get; init; }
    public string? Nonce { get; init; }

    /// <summary>Instead of all that: the server is busy.</summary>
    public string? Refused { get; init; }
}

/// <summary>What a node asks.</summary>
internal sealed record EnrolmentQuestion
{
    public const string Join = "join", Renew = "renew", Rejoin = "rejoin";

    public string? Do { get; init; }
    public byte[]? Csr { get; init; }
    public string? Token { get; init; }
    public string? Wish { get; init; }
    public string? Name { get; init; }

    /// <summary>What is to be renewed, PEM: over a link that leads on, or without a certificate in TLS, nothing else says whose it is.</summary>
    public string? Certificate { get; init; }

    // A token is nobody's to print.
    public override string ToString() => $"{Do} {Name}";
}

/// <summary>What the server answers: a certificate, or why there is none.</summary>
internal sealed record EnrolmentAnswer
{
    public string? Name { get; init; }
    public string? Certificate { get; init; }
    public string? Trust { get; init; }
    public string? Refused { get; init; }
    public bool? Again { get; init; }
}

/// <summary>Messages as lines of JSON (<c>docs/enrolment-protocol.md</c>, section 3), each with a bound.</summary>
internal static class EnrolmentLine
{
    /// <summary>The longest question: a token, a request and a name have about a kilobyte.</summary>
    public const int LongestQuestion = 8 * 1024;

    /// <summary>The longest greeting: a nonce and a bundle of authorities.</summary>
    public const int LongestGreeting = 64 * 1024;

    /// <summary>The longest answer: a certificate and a bundle of authorities.</summary>
    public const int LongestAnswer = 128 * 1024;

    /// <summary>Reads one message; null, and what is wrong, when what comes is none.</summary>
    /// <exception cref="ConnectionBrokenException">The connection broke.</exception>
    public static async Task<(T? Message, string Wrong)> ReadAsync<T>(Connection connection, JsonTypeInfo<T> type, int longest, CancellationToken cancellationToken)
        where T : class
    {
        var line = new ArrayBufferWriter<byte>(1024);
        while (true)
        {
            var read = await connection.Input.ReadAsync(cancellationToken);
            var end = read.Buffer.PositionOf((byte)'\n');
            var piece = end is { } at ? read.Buffer.Slice(0, at) : read.Buffer;
            var isTooLong = line.WrittenCount + piece.Length > longest;
            if (!isTooLong)
                line.Write(piece.ToArray());
            connection.Input.AdvanceTo(end is { } position ? read.Buffer.GetPosition(1, position) : read.Buffer.End);
            if (isTooLong)
                return (null, $"a message is longer than {longest} bytes");
            if (end is not null)
                return Parse(line.WrittenSpan, type);
            if (read.IsCompleted)
                return (null, "the connection ended in the middle of a message");
        }
    }

    public static async Task WriteAsync<T>(Connection connection, T message, JsonTypeInfo<T> type)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(message, type);
        await connection.Output.WriteAsync((byte[])[.. bytes, (byte)'\n']);
    }

    /// <summary>One line as a message.</summary>
    public static (T? Message, string Wrong) Parse<T>(ReadOnlySpan<byte> line, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return (JsonSerializer.Deserialize(line, type), "a message is null");
        }
        catch (JsonException)
        {
            // Its own message may quote what was sent, and that may be a token.
            return (null, "a message is not the JSON that it should be");
        }
    }
}
