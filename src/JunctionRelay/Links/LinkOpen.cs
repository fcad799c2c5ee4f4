using System.Text;
using JunctionRelay.Connections;

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

    /// <summary>Services that begin so are the junctions' own: no name of a configuration has a colon.</summary>
    public const string OwnPrefix = "junction:";

    public const int MaxServiceBytes = 255;
    public const int MaxAddressBytes = 64;
    public const int MaxDestinationBytes = 262;
    public const int MaxHops = 16;
    public const int MaxUserBytes = 255;
    public const int MaxGroupsBytes = 2048;
    public const int MaxMechBytes = 255;
    public const int MaxDataBytes = 2048;

    /// <summary>The destination that the client chose (<c>host:port</c>, <c>[ipv6]:port</c>, <c>unix:/path</c>), for services that let it.</summary>
    public string? Destination { get; init; }

    /// <summary>Where the client connected to at the first junction, as <c>ip:port</c>.</summary>
    public string? LocalAddress { get; init; }

    /// <summary>Who the client is by the word of its own machine, and what its job brought along.</summary>
    public ClientClaims Claims { get; init; } = ClientClaims.None;

    /// <summary>
    /// Where the taker is asked to listen for the opener: <c>localhost:6000</c>, <c>*:6000</c>, <c>10.0.0.7:6000</c>, <c>unix:/path</c>. The stream stands for that listener, and
    /// the service is the one under which the taker opens what it accepts there. Null for a stream that carries a connection.
    /// </summary>
    public string? Listen { get; init; }

    /// <summary>The opener sends no byte until the taker has reached the target, and so learns that it has.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Both directions travel in blocks (<see cref="CompressedBlock"/>); of a listener, also those of the streams that are opened for it. Only where the peer has named the feature.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>A person checks the path: a refusal is to say in words what the taker's log says. Takers that do not know this tell the reason alone.</summary>
    public bool IsCheck { get; init; }

    /// <summary>The port of the vendor daemon that a redirect of the service's license server has named; null for the service itself.</summary>
    public int? VendorPort { get; init; }

    /// <summary>The stream is the junctions' own, and nobody's connection.</summary>
    public bool IsOwn => Service.StartsWith(OwnPrefix, StringComparison.Ordinal);

    /// <summary>Stands for an OPEN that could not be read, until its refusal is answered.</summary>
    public static LinkOpen Unreadable { get; } = new("?", Guid.Empty, null, []);

    /// <summary>Stands for an OPEN that both ends have heard.</summary>
    public static LinkOpen Forgotten { get; } = new("-", Guid.Empty, null, []);

    private static class Tag
    {
        public const byte Service = 0x01, ConnectionId = 0x02, ClientAddress = 0x03, Path = 0x04, Destination = 0x05, LocalAddress = 0x06, Check = 0x07;
        public const byte User = 0x10, Uid = 0x11, Group = 0x12, Mech = 0x13, Data = 0x14;

        // From 0x80 on: who does not know it refuses the OPEN.
        public const byte Held = 0x81, VendorPort = 0x82, Listen = 0x83, Compressed = 0x84;
    }

    /// <summary>What is wrong with this, should it be sent, or null: texts too long, too many hops, or all of it beyond 4 KiB.</summary>
    public string? Problem()
    {
        if (Bytes(Service) is 0 or > MaxServiceBytes)
            return $"the service name \"{Service}\" is empty or longer than {MaxServiceBytes} bytes";
        if (Bytes(ClientAddress) > MaxAddressBytes)
            return $"the client address \"{ClientAddress}\" is longer than {MaxAddressBytes} bytes";
        if (Bytes(LocalAddress) > MaxAddressBytes)
            return $"the local address \"{LocalAddress}\" is longer than {MaxAddressBytes} bytes";
        if (Bytes(Listen) > MaxDestinationBytes)
            return $"the listen address \"{Listen}\" is longer than {MaxDestinationBytes} bytes";
        if (Bytes(Destination) > MaxDestinationBytes)
            return $"the destination \"{Destination}\" is longer than {MaxDestinationBytes} bytes";
        if (Path.Count > MaxHops || Path.Any(hop => Bytes(hop) is 0 or > LinkHello.MaxNameBytes) || Path.Sum(Bytes) > LinkFrame.MaxFieldsBytes / 2)
            return $"the path {string.Join(" → ", Path)} is longer than {MaxHops} junctions or {LinkFrame.MaxFieldsBytes / 2} bytes";
        if (Bytes(Claims.User) > MaxUserBytes || Bytes(Claims.Mech) > MaxMechBytes || Bytes(Claims.Data) > MaxDataBytes || Claims.Groups.Sum(Bytes) > MaxGroupsBytes)
            return $"the user name, the groups, or SENTIEON_AUTH_MECH or SENTIEON_AUTH_DATA of the client are longer than {MaxUserBytes}, {MaxGroupsBytes}, {MaxMechBytes} and {MaxDataBytes} bytes";
        if (Size() is > LinkFrame.MaxFieldsBytes and var size)
            return $"what is to be told of the client and its way ({size} bytes) is longer than {LinkFrame.MaxFieldsBytes} bytes";
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
        if (LocalAddress is not null)
            fields.Add(Tag.LocalAddress, LocalAddress);
        if (IsCheck)
            fields.Begin(Tag.Check, 0);
        WriteClaims(ref fields);
        if (Listen is not null)
            fields.Add(Tag.Listen, Listen);
        if (IsHeld)
            fields.Begin(Tag.Held, 0);
        if (IsCompressed)
            fields.Begin(Tag.Compressed, 0);
        if (VendorPort is { } port)
            fields.Add(Tag.VendorPort, (uint)port);
        LinkFrame.WriteHeader(to, LinkFrameType.Open, fields.Length, stream);
        return LinkFrame.HeaderBytes + fields.Length;
    }

    /// <summary>Reads the payload of an OPEN: the message, or what is wrong with it.</summary>
    public static (LinkOpen? Open, string? Wrong) Read(ReadOnlySpan<byte> payload)
    {
        string? service = null, clientAddress = null, localAddress = null, destination = null, listen = null;
        Guid? connectionId = null;
        List<string>? path = null;
        var (isHeld, isCheck, isCompressed) = (false, false, false);
        uint? vendorPort = null;
        var claims = ClientClaims.None;
        List<string>? groups = null;
        var fields = new LinkFieldsReader(payload);
        while (fields.MoveNext())
        {
            switch (fields.Tag)
            {
                case Tag.Service: service = fields.Text(MaxServiceBytes); break;
                case Tag.ConnectionId: connectionId = fields.Guid(); break;
                case Tag.ClientAddress: clientAddress = fields.Text(MaxAddressBytes); break;
                case Tag.LocalAddress: localAddress = fields.Text(MaxAddressBytes); break;
                case Tag.Destination:
                    if ((destination = fields.Text(MaxDestinationBytes)) is null)
                        return (null, "OPEN with an unusable destination");
                    break;
                case Tag.Path:
                    if (fields.Text(LinkHello.MaxNameBytes) is not { } hop || path is { Count: >= MaxHops })
                        return (null, $"OPEN with an unusable path, or one of more than {MaxHops} junctions");
                    (path ??= []).Add(hop);
                    break;
                case Tag.Listen:
                    if ((listen = fields.Text(MaxDestinationBytes)) is null)
                        return (null, "OPEN with an unusable listen address");
                    break;
                case Tag.Check: isCheck = true; break;
                case Tag.Held: isHeld = true; break;
                case Tag.Compressed: isCompressed = true; break;
                case Tag.VendorPort:
                    if ((vendorPort = fields.UInt32()) is not (>= 1 and <= ushort.MaxValue))
                        return (null, "OPEN with an unusable vendor port");
                    break;
                case Tag.User: claims = claims with { User = fields.Text(MaxUserBytes) ?? "" }; break;
                case Tag.Uid: claims = claims with { Uid = fields.UInt32() }; break;
                case Tag.Group: (groups ??= []).Add(fields.Text(MaxGroupsBytes) ?? "?"); break;
                case Tag.Mech: claims = claims with { Mech = fields.Text(MaxMechBytes) ?? "" }; break;
                case Tag.Data: claims = claims with { Data = fields.Text(MaxDataBytes) ?? "" }; break;
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
        return (new LinkOpen(service, connectionId.Value, clientAddress, path?.ToArray() ?? [])
        {
            Destination = destination,
            LocalAddress = localAddress,
            Listen = listen,
            IsHeld = isHeld,
            IsCheck = isCheck,
            IsCompressed = isCompressed,
            VendorPort = (int?)vendorPort,
            Claims = groups is null ? claims : claims with { Groups = groups },
        }, null);
    }

    private void WriteClaims(ref LinkFieldsWriter fields)
    {
        if (Claims.User.Length > 0)
            fields.Add(Tag.User, Claims.User);
        if (Claims.Uid is { } uid)
            fields.Add(Tag.Uid, uid);
        foreach (var group in Claims.Groups)
            fields.Add(Tag.Group, group);
        if (Claims.Mech.Length > 0)
            fields.Add(Tag.Mech, Claims.Mech);
        if (Claims.Data.Length > 0)
            fields.Add(Tag.Data, Claims.Data);
    }

    // What the fields take: three bytes each, and their values.
    private int Size()
    {
        const int idBytes = 16;
        var texts = 0;
        foreach (var text in Path)
            texts += Text(text);
        foreach (var text in Claims.Groups)
            texts += Text(text);
        foreach (var text in (ReadOnlySpan<string?>)[Service, ClientAddress, LocalAddress, Destination, Listen, Claims.User, Claims.Mech, Claims.Data])
            texts += Text(text);
        return texts + 3 + idBytes + (Claims.Uid is null ? 0 : 3 + sizeof(uint)) + (IsHeld ? 3 : 0) + (IsCheck ? 3 : 0) + (IsCompressed ? 3 : 0) + (VendorPort is null ? 0 : 3 + sizeof(uint));

        static int Text(string? text) => string.IsNullOrEmpty(text) ? 0 : 3 + Encoding.UTF8.GetByteCount(text);
    }
}
