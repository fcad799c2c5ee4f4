using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace JunctionRelay.Policies;

/// <summary>
/// Which user of this machine owns the other end of a connection: netlink's sock_diag (sock_diag(7)), else <c>/proc/net/tcp{,6}</c> (proc(5)). A guess is
/// worse than none: only the row of exactly this connection counts, ESTABLISHED and with an inode, since a socket that is being closed says uid 0.
/// </summary>
/// <remarks>Linux only, TCP, and the same network namespace. The machine's root can lie.</remarks>
internal static class SocketOwner
{
    private const int AddressFamilyNetlink = 16, SocketRaw = 3, CloseOnExec = 0x80000, SockDiag = 4, DontWait = 0x40;
    private const byte FamilyIPv4 = 2, FamilyIPv6 = 10, Established = 1;
    private const ushort SockDiagByFamily = 20, FlagRequest = 1;
    private const int HeaderBytes = 16;      // struct nlmsghdr
    private const int RequestBytes = 56;     // struct inet_diag_req_v2
    private const int AnswerBytes = 72;      // struct inet_diag_msg
    private const int IdAt = 4;              // struct inet_diag_sockid in the answer
    private const int UidAt = 64, InodeAt = 68;
    private const int RequestIdAt = 8;

    /// <summary>The uid that owns the socket which connects from <paramref name="client"/> to <paramref name="server"/>; null = unknown.</summary>
    public static uint? Find(IPEndPoint client, IPEndPoint server)
    {
        if (!OperatingSystem.IsLinux()) return null;
        (client, server) = (Unmapped(client), Unmapped(server));
        if (client.AddressFamily != server.AddressFamily) return null;
        return FromSockDiag(client, server, out var uid) ? uid : FromProc(client, server);
    }

    // False: netlink cannot be asked here (a container without it), which is not the same as "unknown".
    private static bool FromSockDiag(IPEndPoint client, IPEndPoint server, out uint? uid)
    {
        uid = null;
        var socket = NativeSocket(AddressFamilyNetlink, SocketRaw | CloseOnExec, SockDiag);
        if (socket < 0) return false;
        try
        {
            var request = Request(client, server);
            if (NativeSend(socket, ref request[0], request.Length, DontWait) != request.Length) return false;
            // The kernel has answered by the time that it took the request.
            var answer = new byte[1024];
            var length = (int)NativeReceive(socket, ref answer[0], answer.Length, DontWait);
            if (length < HeaderBytes) return false;
            uid = Owner(answer.AsSpan(0, length), client, server);
            return true;
        }
        finally
        {
            _ = NativeClose(socket);
        }
    }

    // struct nlmsghdr, struct inet_diag_req_v2: numbers of the machine's own order, addresses and ports of the network's.
    private static byte[] Request(IPEndPoint client, IPEndPoint server)
    {
        var request = new byte[HeaderBytes + RequestBytes];
        BitConverter.TryWriteBytes(request.AsSpan(0), request.Length);
        BitConverter.TryWriteBytes(request.AsSpan(4), SockDiagByFamily);
        BitConverter.TryWriteBytes(request.AsSpan(6), FlagRequest);
        var body = request.AsSpan(HeaderBytes);
        body[0] = client.AddressFamily == AddressFamily.InterNetworkV6 ? FamilyIPv6 : FamilyIPv4;
        body[1] = (byte)ProtocolType.Tcp;
        BitConverter.TryWriteBytes(body[4..], 1u << Established);
        var id = body[RequestIdAt..];
        BinaryPrimitives.WriteUInt16BigEndian(id, (ushort)client.Port);
        BinaryPrimitives.WriteUInt16BigEndian(id[2..], (ushort)server.Port);
        client.Address.TryWriteBytes(id[4..], out _);
        server.Address.TryWriteBytes(id[20..], out _);
        // Any interface; no cookie.
        id[40..48].Fill(0xFF);
        return request;
    }

    private static uint? Owner(ReadOnlySpan<byte> answer, IPEndPoint client, IPEndPoint server)
    {
        if (answer.Length < HeaderBytes + AnswerBytes || BitConverter.ToUInt16(answer[4..]) != SockDiagByFamily) return null;   // "no such socket"
        var body = answer[HeaderBytes..];
        var id = body[IdAt..];
        // An IPv6 socket that speaks IPv4 answers with mapped addresses.
        var size = body[0] == FamilyIPv6 ? 16 : 4;
        var from = new IPEndPoint(new IPAddress(id.Slice(4, size)), BinaryPrimitives.ReadUInt16BigEndian(id));
        var to = new IPEndPoint(new IPAddress(id.Slice(20, size)), BinaryPrimitives.ReadUInt16BigEndian(id[2..]));
        if (body[1] != Established || !Unmapped(from).Equals(client) || !Unmapped(to).Equals(server)) return null;
        return BitConverter.ToUInt32(body[InodeAt..]) == 0 ? null : BitConverter.ToUInt32(body[UidAt..]);
    }

    private static uint? FromProc(IPEndPoint client, IPEndPoint server)
    {
        // An IPv4 connection of an IPv6 socket stands in tcp6, with mapped addresses.
        var tables = client.AddressFamily == AddressFamily.InterNetworkV6
            ? new[] { ("tcp6", client, server) }
            : [("tcp", client, server), ("tcp6", Mapped(client), Mapped(server))];
        foreach (var (table, from, to) in tables)
        {
            try
            {
                foreach (var line in File.ReadLines($"/proc/net/{table}"))
                {
                    if (ProcOwner(line, ProcAddress(from), ProcAddress(to)) is { } uid) return uid;
                }
            }
            catch (IOException)
            {
                // Not there: unknown.
            }
            catch (UnauthorizedAccessException)
            {
                // Hidden: unknown.
            }
        }

        return null;
    }

    /// <summary>The owner that one line of <c>/proc/net/tcp</c> tells of this very connection, or null.</summary>
    internal static uint? ProcOwner(string line, string from, string to)
    {
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 9 && fields[1] == from && fields[2] == to && fields[3] == "01" && fields[9] != "0"
            && uint.TryParse(fields[7], NumberStyles.None, CultureInfo.InvariantCulture, out var uid) ? uid : null;
    }

    /// <summary>An address as that table writes it: words of 32 bits in the machine's order, then the port.</summary>
    internal static string ProcAddress(IPEndPoint address)
    {
        var bytes = address.Address.GetAddressBytes();
        var words = Enumerable.Range(0, bytes.Length / 4).Select(i => BitConverter.ToUInt32(bytes, i * 4).ToString("X8", CultureInfo.InvariantCulture));
        return $"{string.Concat(words)}:{address.Port:X4}";
    }

    private static IPEndPoint Unmapped(IPEndPoint end) => end.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(end.Address.MapToIPv4(), end.Port) : end;

    private static IPEndPoint Mapped(IPEndPoint end) => new(end.Address.MapToIPv6(), end.Port);

    // The framework's sockets know no netlink.
    [DllImport("libc", EntryPoint = "socket"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeSocket(int family, int type, int protocol);

    [DllImport("libc", EntryPoint = "send"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NativeSend(int socket, ref byte bytes, nint length, int flags);

    [DllImport("libc", EntryPoint = "recv"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NativeReceive(int socket, ref byte bytes, nint length, int flags);

    [DllImport("libc", EntryPoint = "close"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeClose(int socket);
}
