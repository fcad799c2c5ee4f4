using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Connections;

/// <summary>What a dead machine costs and how soon a message leaves are options of a socket: that each one has them, however it came about.</summary>
public sealed class SocketSettingsTests
{
    // Levels and names of Linux: SOL_SOCKET 1, SO_KEEPALIVE 9; IPPROTO_TCP 6, TCP_NODELAY 1, TCP_KEEPIDLE 4, TCP_KEEPINTVL 5, TCP_KEEPCNT 6.
    private static readonly (int Level, int Name)[] Asked = [(6, 1), (1, 9), (6, 4), (6, 5), (6, 6)];

    [Fact]
    public void They_are_set()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        SocketSettings.Default.Apply(socket);
        Assert.True(socket.NoDelay);
        Assert.Equal(1, socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        Assert.Equal(60, socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime));
        Assert.Equal(10, socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval));
        Assert.Equal(3, socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount));
    }

    [Theory]
    [InlineData(0, new[] { 1, 0 })]
    [InlineData(4, new[] { 1, 1, 4, 4, 3 })]
    [InlineData(60, new[] { 1, 1, 60, 10, 3 })]
    public async Task Accepted_sockets_have_them(int keepAliveSeconds, int[] expected)
    {
        await using var listener = SocketListener.Bind(new IPEndPoint(IPAddress.Loopback, 0), new SocketSettings(TimeSpan.FromSeconds(keepAliveSeconds)));
        var accepting = listener.AcceptAsync().AsTask();
        using var client = await Peer.ConnectAsync(listener.EndPoint);
        await using var accepted = await accepting.WaitAsync(Eventually.Deadline);
        Assert.Equal(expected, OptionsOfTheSocketTo(((IPEndPoint)client.LocalEndPoint).Port)[..expected.Length]);
    }

    [Theory]
    [InlineData(0, new[] { 1, 0 })]
    [InlineData(4, new[] { 1, 1, 4, 4, 3 })]
    [InlineData(60, new[] { 1, 1, 60, 10, 3 })]
    public async Task Dialled_sockets_have_them(int keepAliveSeconds, int[] expected)
    {
        using var server = Peer.Listen();
        var dialler = new SocketDialer(new SocketSettings(TimeSpan.FromSeconds(keepAliveSeconds)));
        await using var dialled = (await dialler.DialAsync(server.LocalEndPoint!, Eventually.Deadline, CancellationToken.None)).Connection!;
        Assert.Equal(expected, OptionsOfTheSocketTo(((IPEndPoint)server.LocalEndPoint!).Port)[..expected.Length]);
    }

    // Our connections do not hand out their sockets: the system is asked about the descriptor of this process whose peer has that port.
    private static int[] OptionsOfTheSocketTo(int port)
    {
        var address = new byte[128];
        foreach (var descriptor in Directory.GetFileSystemEntries("/proc/self/fd").Select(f => int.Parse(Path.GetFileName(f))))
        {
            var length = address.Length;
            // sockaddr_in and sockaddr_in6 alike: family, then the port in network order.
            if (PeerOf(descriptor, address, ref length) != 0 || BitConverter.ToUInt16(address) is not (2 or 10) || (address[2] << 8 | address[3]) != port) continue;
            return [.. Asked.Select(option => OptionOf(descriptor, option.Level, option.Name))];
        }

        Assert.Fail($"no socket of this process is connected to port {port}");
        return [];
    }

    private static int OptionOf(int descriptor, int level, int name)
    {
        var size = sizeof(int);
        Assert.Equal(0, OptionOf(descriptor, level, name, out var value, ref size));
        return value;
    }

    [DllImport("libc", EntryPoint = "getpeername"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int PeerOf(int descriptor, byte[] address, ref int length);

    [DllImport("libc", EntryPoint = "getsockopt"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OptionOf(int descriptor, int level, int name, out int value, ref int size);
}
