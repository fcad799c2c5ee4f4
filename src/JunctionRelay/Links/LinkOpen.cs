using System.Text;

namespace JunctionRelay.Links;

/// <summary>What OPEN says about a stream (section 6). The opener asserts it; what the peer may use is decided by its certificate.</summary>
/// <param name="Service">The service that is asked for.</param>
/// <param name="ConnectionId">One id for the connection, through the logs of all hops.</param>
/// <param name="ClientAddress">The client that the first junction saw, as <c>ip:port</c>.</param>
/// <param name="Path">The junctions that the connection has come through, the opener last.</param>
internal sealed record LinkOpen(string Service, Guid ConnectionId, string? ClientAddress, IReadOnlyList<string> Path)
{
    /// <summary>Stands for whichever service with <c>open</c> permits the destination.</summary>
    public const string AnyService = "*";

    public const int MaxServiceBytes = 255;
    public const int MaxAddressBytes = 64;
    public const int MaxDestinationBytes = 262;
    public const int MaxHops = 16;

    /// <summary>The destination that the client chose (<c>host:port</c>, <c>[ipv6]:port</c>, <c>unix:/path</c>), for services that let it.</summary>
    public string? Destination { get; init; }

    /// <summary>The opener sends no byte until the taker has reached the target, and so learns that it has.</summary>
    public bool IsHeld { get; init; }

    /// <summary>The port of the vendor daemon that a redirect of the service's license server has named; null for the service itself.</summary>
    public int? VendorPort { get; init; }

    /// <summary>Stands for an OPEN that could not be read, until its refusal is answered.</summary>
    public static LinkOpen Unreadable { get; } = new("?", Guid.Empty, null, []);

    private static class Tag
    {
        public const byte Service = 0x01, ConnectionId = 0x02, ClientAddress = 0x03, Path = 0x04, Destination = 0x05;

        // From 0x80 on: who does not know it refuses the OPEN.
        public const byte Held = 0x81, VendorPort = 0x82;
    }

    /// <summary>What is wrong with this, should it be sent, or null: texts too long, too many hops, or all of it beyond 4 KiB.</summary>
    public string? Problem()
    {
        if (Bytes(Service) is 0 or > MaxServiceBytes)
            return $"the service name \"{Service}\" is empty or longer than {MaxServiceBytes} bytes";
        if (Bytes(ClientAddress) > MaxAddressBytes)
            return $"the client address \"{ClientAddress}\" is longer than {MaxAddressBytes} bytes";
        if (Bytes(Destination) > MaxDestinationBytes)
            return $"the destination \"{Destination}\" is longer than {MaxDestinationBytes} bytes";
        if (Path.Count > MaxHops || Path.Any(hop => Bytes(hop) is 0 or > LinkHello.MaxNameBytes) || Path.Sum(Bytes) > LinkFrame.MaxFieldsBytes / 2)
            return $"the path {string.Join(" → ", Path)} is longer than {MaxHops} junctions or {LinkFrame.MaxFieldsBytes / 2} bytes";
        return null;

        static int Bytes(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);
    }

    /// <summary>Writes the frame and returns its length.</summary>
    public int Write(Span<byte> to, uint stream)
    {
        var fields = new LinkFieldsWriter(to[LinkFrame.HeaderBytes..]);
        fields.Add(Tag.Service, Service);
        fields.Add(Tag.ConnectionId, ConnectionId);
        if (ClientAddress is not null)
            fields.Add(Tag.ClientAddress, ClientAddress);
        foreach (var hop in Path)
            fields.Add(Tag.Path, hop);
        if (Destination is not null)
            fields.Add(Tag.Destination, Destination);
        if (IsHeld)
            fields.Begin(Tag.Held, 0);
        if (VendorPort is { } port)
            fields.Add(Tag.VendorPort, (uint)port);
        LinkFrame.WriteHeader(to, LinkFrameType.Open, fields.Length, stream);
        return LinkFrame.HeaderBytes + fields.Length;
    }

    /// <summary>Reads the payload of an OPEN: the message, or what is wrong with it.</summary>
    public static (LinkOpen? Open, string? Wrong) Read(ReadOnlySpan<byte> payload)
    {
        string? service = null, clientAddress = null, destination = null;
        Guid? connectionId = null;
        List<string>? path = null;
        var isHeld = false;
        uint? vendorPort = null;
        var fields = new LinkFieldsReader(payload);
        while (fields.MoveNext())
        {
            switch (fields.Tag)
            {
                case Tag.Service: service = fields.Text(MaxServiceBytes); break;
                case Tag.ConnectionId: connectionId = fields.Guid(); break;
                case Tag.ClientAddress: clientAddress = fields.Text(MaxAddressBytes); break;
                case Tag.Destination:
                    if ((destination = fields.Text(MaxDestinationBytes)) is null)
                        return (null, "OPEN with an unusable destination");
                    break;
                case Tag.Path:
                    if (fields.Text(LinkHello.MaxNameBytes) is not { } hop || path is { Count: >= MaxHops })
                        return (null, $"OPEN with an unusable path, or one of more than {MaxHops} junctions");
                    (path ??= []).Add(hop);
                    break;
                case Tag.Held: isHeld = true; break;
                case Tag.VendorPort:
                    if ((vendorPort = fields.UInt32()) is not (>= 1 and <= ushort.MaxValue))
                        return (null, "OPEN with an unusable vendor port");
                    break;
                default:
                    if (fields.IsMandatory)
                        return (null, $"OPEN with the unknown mandatory field 0x{fields.Tag:x2}");
                    break;
            }
        }

        if (fields.IsTruncated)
            return (null, "OPEN ends in the middle of a field");
        if (service is null || connectionId is null)
            return (null, "OPEN lacks a service or a connection id");
        return (new LinkOpen(service, connectionId.Value, clientAddress, path ?? []) { Destination = destination, IsHeld = isHeld, VendorPort = (int?)vendorPort }, null);
    }
}
