using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using JunctionRelay.Routing;

namespace JunctionRelay.App.Hosting;

/// <summary>What the two processes say to each other: one word a message, and what belongs to it. Unknown words are skipped, so that versions may differ.</summary>
internal static class TakeoverWords
{
    /// <summary>The id of the process that hands over.</summary>
    public const string Process = "process";

    /// <summary>With a socket that listens.</summary>
    public const string Listening = "listening";

    /// <summary>With the socket where successors are awaited.</summary>
    public const string Port = "port";

    /// <summary>The oldest that still has connections, and the one that hands over.</summary>
    public const string Generations = "generations";

    /// <summary>The name of a junction that has dialled in.</summary>
    public const string Peer = "peer";

    /// <summary>A vendor port that was learnt, in JSON.</summary>
    public const string Vendor = "vendor";

    /// <summary>That was all.</summary>
    public const string End = "end";

    /// <summary>The successor serves.</summary>
    public const string Ready = "ready";

    public static (string Word, string Text) Split(string text) => text.IndexOf(' ', StringComparison.Ordinal) is var space && space < 0 ? (text, "") : (text[..space], text[(space + 1)..]);

    public static (ulong Oldest, ulong Newest) ReadGenerations(string text) => text.Split(' ') is [var oldest, var newest]
        ? (ulong.Parse(oldest, NumberStyles.None, CultureInfo.InvariantCulture), ulong.Parse(newest, NumberStyles.None, CultureInfo.InvariantCulture))
        : throw new FormatException($"generations: \"{text}\"");

    public static string Write(LearntVendor vendor) => $"{Vendor} {JsonSerializer.Serialize(vendor, TakeoverJson.Default.LearntVendor)}";

    public static LearntVendor ReadVendor(string rest) => JsonSerializer.Deserialize(rest, TakeoverJson.Default.LearntVendor) ?? throw new FormatException("a vendor port without a name");
}

/// <summary>Makes and reads the JSON without reflection.</summary>
[JsonSerializable(typeof(LearntVendor))]
internal sealed partial class TakeoverJson : JsonSerializerContext;
