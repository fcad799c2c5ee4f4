using System.Buffers.Binary;
using System.Text;

namespace JunctionRelay.Links;

/// <summary>The acceptor's answer to a HELLO (section 4).</summary>
internal enum LinkVerdict : byte
{
    New = 0,
    Resumed = 1,
    /// <summary>This very instance holds no such session: its streams are lost.</summary>
    UnknownSession = 2,
    /// <summary>Another instance of the name; no verdict about the session.</summary>
    NotMine = 3,
    Refused = 4,
}

/// <summary>Which of the junctions of a name this is, and which of its starts. Asserted by the peer; used only within the name that its certificate proves.</summary>
/// <param name="Name">For logs.</param>
/// <param name="Instance">The same after a restart.</param>
/// <param name="Generation">Greater after a restart.</param>
internal readonly record struct LinkParty(string Name, Guid Instance, ulong Generation)
{
    private readonly ulong? _oldest;

    /// <summary>Of the starts of this instance the oldest that may still live: less than <see cref="Generation"/> where this process took the place of one that drains.</summary>
    public ulong Oldest { get => _oldest ?? Generation; init => _oldest = value == Generation ? null : value; }

    /// <summary>Whether <paramref name="other"/> is an earlier start of this instance that is gone.</summary>
    public bool HasOutlived(LinkParty other) => other.Instance == Instance && other.Generation < Oldest;
}

/// <summary>The bits of HELLO's features (section 4).</summary>
[Flags]
internal enum LinkFeatures : ulong
{
    None = 0,

    /// <summary>Streams may be compressed.</summary>
    Compression = 1,
}

/// <summary>What one end grants the other, fixed for a session by its first epoch.</summary>
/// <param name="MaxStreams">Streams that the peer may have open at once.</param>
/// <param name="InitialWindow">Bytes of each stream that may come before any CREDIT.</param>
/// <param name="ResumeMilliseconds">How long streams are kept without a transport.</param>
internal readonly record struct LinkLimits(uint MaxStreams, uint InitialWindow, uint ResumeMilliseconds)
{
    public const uint SmallestWindow = 1024;
    public const uint LargestInitialWindow = 1024 * 1024;
}

/// <summary>The first message of both ends: who, with what limits, and which session (section 4).</summary>
internal sealed record LinkHello
{
    public const int MaxNameBytes = 255;

    public required LinkParty Party { get; init; }

    public required LinkLimits Limits { get; init; }

    public LinkFeatures Features { get; init; }

    public string? Software { get; init; }

    /// <summary>The session to resume, or the one that now holds.</summary>
    public Guid? Session { get; init; }

    public uint Epoch { get; init; }

    /// <summary>Dialler only: the instance that holds the session.</summary>
    public Guid? Wanted { get; init; }

    /// <summary>Dialler only: a session that it has ended.</summary>
    public Guid? GivenUp { get; init; }

    /// <summary>Acceptor only.</summary>
    public LinkVerdict? Verdict { get; init; }

    public string VerdictText { get; init; } = "";

    private static class Tag
    {
        public const byte Name = 0x01, Instance = 0x02, Generation = 0x03, Limits = 0x04, Features = 0x05, Session = 0x06, Epoch = 0x07, Wanted = 0x08,
            Verdict = 0x09, GivenUp = 0x0A, Software = 0x0B, Oldest = 0x0C;
    }

    /// <summary>Writes the frame and returns its length.</summary>
    public int Write(Span<byte> to)
    {
        var fields = new LinkFieldsWriter(to[LinkFrame.HeaderBytes..]);
        fields.Add(Tag.Name, Party.Name);
        fields.Add(Tag.Instance, Party.Instance);
        fields.Add(Tag.Generation, Party.Generation);
        if (Party.Oldest != Party.Generation)
            fields.Add(Tag.Oldest, Party.Oldest);
        var limits = fields.Begin(Tag.Limits, 12);
        BinaryPrimitives.WriteUInt32BigEndian(limits, Limits.MaxStreams);
        BinaryPrimitives.WriteUInt32BigEndian(limits[4..], Limits.InitialWindow);
        BinaryPrimitives.WriteUInt32BigEndian(limits[8..], Limits.ResumeMilliseconds);
        fields.Add(Tag.Features, (ulong)Features);
        if (Software is not null)
            fields.Add(Tag.Software, Software);
        if (Session is { } session)
        {
            fields.Add(Tag.Session, session);
            fields.Add(Tag.Epoch, Epoch);
        }

        if (Wanted is { } wanted)
            fields.Add(Tag.Wanted, wanted);
        if (GivenUp is { } givenUp)
            fields.Add(Tag.GivenUp, givenUp);
        if (Verdict is { } verdict)
        {
            var text = Encoding.UTF8.GetBytes(VerdictText);
            var length = Math.Min(text.Length, LinkFrame.MaxTextBytes);
            var value = fields.Begin(Tag.Verdict, 1 + length);
            value[0] = (byte)verdict;
            text.AsSpan(0, length).CopyTo(value[1..]);
        }

        LinkFrame.WriteHeader(to, LinkFrameType.Hello, fields.Length, 0);
        return LinkFrame.HeaderBytes + fields.Length;
    }

    /// <summary>Reads the payload of a HELLO: the message, or what is wrong with it.</summary>
    public static (LinkHello? Hello, string? Wrong) Read(ReadOnlySpan<byte> payload)
    {
        string? name = null, software = null, verdictText = null;
        Guid? instance = null, session = null, wanted = null, givenUp = null;
        ulong? generation = null, oldest = null, features = null;
        uint? epoch = null;
        LinkLimits? limits = null;
        LinkVerdict? verdict = null;
        var fields = new LinkFieldsReader(payload);
        while (fields.MoveNext())
        {
            switch (fields.Tag)
            {
                case Tag.Name: name = fields.Text(MaxNameBytes); break;
                case Tag.Instance: instance = fields.Guid(); break;
                case Tag.Generation: generation = fields.UInt64(); break;
                case Tag.Limits: limits = ReadLimits(fields.Value); break;
                case Tag.Oldest: oldest = fields.UInt64(); break;
                case Tag.Features: features = fields.UInt64(); break;
                case Tag.Session: session = fields.Guid(); break;
                case Tag.Epoch: epoch = fields.UInt32(); break;
                case Tag.Wanted: wanted = fields.Guid(); break;
                case Tag.GivenUp: givenUp = fields.Guid(); break;
                case Tag.Software: software = fields.Text(MaxNameBytes); break;
                case Tag.Verdict when fields.Value.Length >= 1 && fields.Value[0] <= (byte)LinkVerdict.Refused:
                    verdict = (LinkVerdict)fields.Value[0];
                    verdictText = LinkFieldsReader.Printable(fields.Value[1..Math.Min(fields.Value.Length, 1 + LinkFrame.MaxTextBytes)]);
                    break;
                default:
                    if (fields.IsMandatory || fields.Tag == Tag.Verdict)
                        return (null, $"HELLO with the unknown mandatory field 0x{fields.Tag:x2} or verdict");
                    break;
            }
        }

        if (fields.IsTruncated)
            return (null, "HELLO ends in the middle of a field");
        if (name is null || instance is null || generation is null || features is null)
            return (null, "HELLO lacks a name, instance, generation or features");
        if (limits is not { } given)
            return (null, $"HELLO lacks limits, or its initial window is not {LinkLimits.SmallestWindow} to {LinkLimits.LargestInitialWindow}");
        if (session is not null && epoch is null)
            return (null, "HELLO names a session but no epoch");
        return (new LinkHello
        {
            Party = new LinkParty(name, instance.Value, generation.Value) { Oldest = Math.Min(oldest ?? generation.Value, generation.Value) },
            Limits = given,
            Features = (LinkFeatures)features.Value,
            Software = software,
            Session = session,
            Epoch = epoch ?? 0,
            Wanted = wanted,
            GivenUp = givenUp,
            Verdict = verdict,
            VerdictText = verdictText ?? "",
        }, null);
    }

    private static LinkLimits? ReadLimits(ReadOnlySpan<byte> value)
    {
        // Longer is a later version's.
        if (value.Length < 12)
            return null;
        var limits = new LinkLimits(
            BinaryPrimitives.ReadUInt32BigEndian(value),
            BinaryPrimitives.ReadUInt32BigEndian(value[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(value[8..]));
        return limits.InitialWindow is < LinkLimits.SmallestWindow or > LinkLimits.LargestInitialWindow ? null : limits;
    }
}
