using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Where the processes of one junction meet when one takes another's place: a unix socket without a file, called after the user and the configuration file. It needs no directory that
/// can be written to, and is gone with its process. Anybody on the machine may use such a name, so both sides look at whose process the other one is (SO_PEERCRED).
/// </summary>
internal static class TakeoverSocket
{
    private const int SocketLevel = 1, PeerCredentials = 17;   // SOL_SOCKET, SO_PEERCRED

    public static bool IsSupported => DescriptorMessages.IsSupported;

    /// <summary>Of the junction with this configuration (<see cref="Configuration.ConfigReading.Instance"/>).</summary>
    public static UnixDomainSocketEndPoint Of(string instance) =>
        new($"\0junction-{EffectiveUser()}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(instance)).AsSpan(0, 16))}");

    /// <summary>A socket for it, with timeouts for both directions.</summary>
    public static Socket New() => new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);

    /// <summary>The process at the other end, when it is of our own user; null for anybody else's.</summary>
    public static int? ProcessOf(Socket connected)
    {
        // struct ucred: pid, uid, gid.
        Span<byte> credentials = stackalloc byte[12];
        return connected.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length && BitConverter.ToUInt32(credentials[4..]) == EffectiveUser()
            ? BitConverter.ToInt32(credentials) : null;
    }

    [DllImport("libc", EntryPoint = "geteuid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint EffectiveUser();
}
