using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Short texts between two processes of this machine, each of which may bring an open socket along: unix(7), SCM_RIGHTS, over SOCK_SEQPACKET. Blocks, for as long as the socket's timeouts
/// allow. 64-bit Linux only: the structures are those of glibc there, which those of musl equal.
/// </summary>
internal static class DescriptorMessages
{
    /// <summary>A longer message is nobody's.</summary>
    public const int LongestBytes = 4096;

    // struct msghdr, struct iovec, struct cmsghdr with one descriptor, and the text, one after the other in one block.
    private const int VectorAt = 64, ControlAt = 96, ControlHeaderBytes = 16, ControlBytes = 24, TextAt = 128;
    private const int SocketLevel = 1, Rights = 1;   // SOL_SOCKET, SCM_RIGHTS
    private const int NoSignal = 0x4000, CloseOnExec = 0x40000000;   // MSG_NOSIGNAL, MSG_CMSG_CLOEXEC

    public static bool IsSupported => OperatingSystem.IsLinux() && nint.Size == 8;

    /// <exception cref="SocketException">The other side has gone, or took nothing for as long as the timeout.</exception>
    public static void Send(Socket over, string text, Socket? gift = null)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, LongestBytes);
        var block = Prepare(bytes.Length, gift is not null);
        try
        {
            Marshal.Copy(bytes, 0, block + TextAt, bytes.Length);
            if (gift is not null)
            {
                Marshal.WriteInt64(block, ControlAt, ControlHeaderBytes + sizeof(int));
                Marshal.WriteInt32(block, ControlAt + 8, SocketLevel);
                Marshal.WriteInt32(block, ControlAt + 12, Rights);
                Marshal.WriteInt32(block, ControlAt + ControlHeaderBytes, (int)gift.Handle);
            }

            if (SendMessage((int)over.Handle, block, NoSignal) < 0) throw Failure();
        }
        finally
        {
            Marshal.FreeHGlobal(block);
            GC.KeepAlive(gift);
            GC.KeepAlive(over);
        }
    }

    /// <summary>The next message; null when the other side has ended. The gift is the caller's.</summary>
    /// <exception cref="SocketException">Nothing came for as long as the timeout.</exception>
    public static (string Text, Socket? Gift)? Receive(Socket over)
    {
        var block = Prepare(LongestBytes, hasControl: true);
        try
        {
            var length = (int)ReceiveMessage((int)over.Handle, block, CloseOnExec);
            if (length < 0) throw Failure();
            if (length == 0) return null;
            var bytes = new byte[length];
            Marshal.Copy(block + TextAt, bytes, 0, length);
            var hasGift = Marshal.ReadInt64(block, 40) >= ControlHeaderBytes + sizeof(int)
                && Marshal.ReadInt32(block, ControlAt + 8) == SocketLevel && Marshal.ReadInt32(block, ControlAt + 12) == Rights;
            return (Encoding.UTF8.GetString(bytes), hasGift ? new Socket(new SafeSocketHandle(Marshal.ReadInt32(block, ControlAt + ControlHeaderBytes), ownsHandle: true)) : null);
        }
        finally
        {
            Marshal.FreeHGlobal(block);
            GC.KeepAlive(over);
        }
    }

    private static nint Prepare(int textBytes, bool hasControl)
    {
        var block = Marshal.AllocHGlobal(TextAt + LongestBytes);
        for (var at = 0; at < TextAt; at += 8) Marshal.WriteInt64(block, at, 0);
        Marshal.WriteIntPtr(block, 16, block + VectorAt);
        Marshal.WriteInt64(block, 24, 1);
        Marshal.WriteIntPtr(block, VectorAt, block + TextAt);
        Marshal.WriteInt64(block, VectorAt + 8, textBytes);
        if (hasControl)
        {
            Marshal.WriteIntPtr(block, 32, block + ControlAt);
            Marshal.WriteInt64(block, 40, ControlBytes);
        }

        return block;
    }

    // The framework knows the system's numbers, and gives each the same name everywhere.
    private static SocketException Failure() => Marshal.GetLastPInvokeError() is 11 ? new SocketException((int)SocketError.TimedOut)
        : new SocketException((int)SocketError.ConnectionReset, new Win32Exception(Marshal.GetLastPInvokeError()).Message);

    [DllImport("libc", EntryPoint = "sendmsg", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint SendMessage(int socket, nint message, int flags);

    [DllImport("libc", EntryPoint = "recvmsg", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint ReceiveMessage(int socket, nint message, int flags);
}
