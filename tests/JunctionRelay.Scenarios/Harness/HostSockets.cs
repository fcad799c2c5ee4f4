using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>TCP sockets of this process in the network of any host: a socket stays in the network in which it was made, whoever uses it.</summary>
internal static class HostSockets
{
    private const int NetworkNamespace = 0x4000_0000;   // CLONE_NEWNET, setns(2)

    /// <summary>An IPv4 socket, neither bound nor connected.</summary>
    public static Socket Create(Host host)
    {
        if (host.Namespace is not { } space)
            return Tcp();
        Socket? socket = null;
        ExceptionDispatchInfo? failure = null;
        // The thread ends there, so that none of the pool's ever works in a strange network.
        var traveller = new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle($"/run/netns/{space}");
                if (SetNs(file, NetworkNamespace) != 0)
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                socket = Tcp();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        traveller.Start();
        traveller.Join();
        failure?.Throw();
        return socket!;
    }

    private static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetNs(SafeHandle file, int kind);
}
