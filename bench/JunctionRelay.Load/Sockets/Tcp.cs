using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace JunctionRelay.Load.Sockets;

/// <summary>Non-blocking TCP sockets as plain file descriptors. Counts come back as the kernel gives them; failures as negative errno.</summary>
internal static unsafe class Tcp
{
    /// <summary>Starts to connect; the socket becomes writable when the connection stands or failed.</summary>
    public static int Connect(IPEndPoint to)
    {
        var file = Libc.Socket((int)Family(to), Libc.SockStream | Libc.SockNonBlock | Libc.SockCloseOnExec, 0);
        if (file < 0)
            throw new LoadException(Explain("socket", Marshal.GetLastPInvokeError()));
        SetOption(file, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
        var address = to.Serialize();
        int result;
        fixed (byte* bytes = address.Buffer.Span)
            result = Libc.Connect(file, bytes, address.Size);
        if (result < 0 && Marshal.GetLastPInvokeError() is var error and not Libc.EInProgress)
        {
            _ = Libc.Close(file);
            throw new LoadException(Explain($"connect to {to}", error));
        }
        return file;
    }

    /// <summary>Listens with the longest queue that the system allows, so that the backend never refuses.</summary>
    public static int Listen(IPEndPoint at)
    {
        var file = Libc.Socket((int)Family(at), Libc.SockStream | Libc.SockNonBlock | Libc.SockCloseOnExec, 0);
        SetOption(file, Libc.SolSocket, Libc.SoReuseAddr, 1);
        var address = at.Serialize();
        fixed (byte* bytes = address.Buffer.Span)
        {
            if (file < 0 || Libc.Bind(file, bytes, address.Size) < 0 || Libc.Listen(file, 65535) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                _ = Libc.Close(file);
                throw new LoadException($"cannot listen on {at}: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }
        return file;
    }

    /// <summary>The address that a listener really has (its port, when 0 was asked for).</summary>
    public static IPEndPoint LocalEndPoint(int file, IPEndPoint asked)
    {
        var address = asked.Serialize();
        var length = address.Size;
        fixed (byte* bytes = address.Buffer.Span)
            _ = Libc.GetSocketName(file, bytes, &length);
        return (IPEndPoint)asked.Create(address);
    }

    /// <summary>The next waiting connection, or -1 when there is none (or no descriptor for it) now.</summary>
    public static int Accept(int listener)
    {
        var file = Libc.Accept(listener, null, null, Libc.SockNonBlock | Libc.SockCloseOnExec);
        if (file >= 0)
            SetOption(file, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
        else if (Marshal.GetLastPInvokeError() is Libc.EMFile)
            throw new LoadException("out of file descriptors: raise the limit (ulimit -n) or hold fewer connections");
        return file;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Send(int file, ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            var sent = Libc.Send(file, bytes, data.Length, Libc.MsgNoSignal);
            return sent >= 0 ? (int)sent : -Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Bytes received, 0 = the peer's clean end, negative = errno.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Receive(int file, Span<byte> into)
    {
        fixed (byte* bytes = into)
        {
            var received = Libc.Receive(file, bytes, into.Length, 0);
            return received >= 0 ? (int)received : -Marshal.GetLastPInvokeError();
        }
    }

    public static void Close(int file) => _ = Libc.Close(file);

    /// <summary>Closes with a reset: for flows that failed, and for the end of an idle run (no TIME_WAIT left behind).</summary>
    public static void Abort(int file)
    {
        var linger = stackalloc int[2] { 1, 0 };
        _ = Libc.SetOption(file, Libc.SolSocket, Libc.SoLinger, linger, 8);
        _ = Libc.Close(file);
    }

    public static void ShutdownSend(int file) => _ = Libc.Shutdown(file, Libc.ShutWrite);

    /// <summary>Why the socket broke, taken from the socket itself: 0 when nothing did.</summary>
    public static int PendingError(int file)
    {
        int error = 0, length = sizeof(int);
        _ = Libc.GetOption(file, Libc.SolSocket, Libc.SoError, &error, &length);
        return error;
    }

    public static string Explain(string what, int error) => error switch
    {
        Libc.EAddrNotAvail => $"{what}: no free local port (too many connections in TIME_WAIT): shorten the window, or widen net.ipv4.ip_local_port_range",
        Libc.EMFile => $"{what}: out of file descriptors: raise the limit (ulimit -n) or hold fewer connections",
        _ => $"{what}: {Marshal.GetPInvokeErrorMessage(error)}",
    };

    private static void SetOption(int file, int level, int name, int value) => _ = Libc.SetOption(file, level, name, &value, sizeof(int));

    // AF_INET is 2 and AF_INET6 is 10 on Linux; .NET numbers the second one 23.
    private static int Family(IPEndPoint endPoint) => endPoint.AddressFamily is System.Net.Sockets.AddressFamily.InterNetworkV6 ? 10 : 2;
}
