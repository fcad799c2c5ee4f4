using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using JunctionRelay.Connections;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Connections;

public sealed class SocketListenerTests
{
    private static IPEndPoint Free(IPAddress? address = null) => new(address ?? IPAddress.Loopback, 0);

    [Fact]
    public async Task A_paused_listener_refuses_and_keeps_its_port()
    {
        await using var listener = SocketListener.Bind(Free(), SocketSettings.Default);
        var accepting = listener.AcceptAsync().AsTask();
        Assert.True(listener.Listen(false));
        Assert.False(listener.Listen(false));
        Assert.Equal(SocketError.ConnectionRefused, await ConnectAsync(listener.EndPoint));
        var thief = Assert.Throws<SocketException>(() => SocketListener.Bind(listener.EndPoint, SocketSettings.Default));
        Assert.Equal(SocketError.AddressAlreadyInUse, thief.SocketErrorCode);

        for (var i = 0; i < 3; i++)
        {
            Assert.True(listener.Listen(true));
            Assert.Equal(SocketError.Success, await ConnectAsync(listener.EndPoint));
            (await accepting.WaitAsync(Eventually.Deadline))!.Abort(CloseReason.Stopping);
            accepting = listener.AcceptAsync().AsTask();
            Assert.True(listener.Listen(false));
            Assert.Equal(SocketError.ConnectionRefused, await ConnectAsync(listener.EndPoint));
        }

        await listener.DisposeAsync();
        Assert.Null(await accepting.WaitAsync(Eventually.Deadline));
    }

    [Fact]
    public async Task A_listener_that_is_paused_between_two_accepts_waits_and_does_not_fail()
    {
        await using var listener = SocketListener.Bind(Free(), SocketSettings.Default);
        Assert.True(listener.Listen(false));
        var accepting = listener.AcceptAsync().AsTask();
        Assert.False(accepting.IsFaulted, accepting.Exception?.Message);
        Assert.True(listener.Listen(true));
        Assert.Equal(SocketError.Success, await ConnectAsync(listener.EndPoint));
        (await accepting.WaitAsync(Eventually.Deadline))!.Abort(CloseReason.Stopping);
    }

    [Fact]
    public async Task A_port_that_another_process_stopped_listens_again()
    {
        await using var before = SocketListener.Bind(Free(), SocketSettings.Default);
        // The same socket under another number, as the next process has it.
        await using var after = SocketListener.Bind(
            before.EndPoint, SocketSettings.Default, inherited: new InheritedSockets([new Socket(new SafeSocketHandle(Duplicate((int)before.Lend().Handle), ownsHandle: true))]));
        var accepting = after.AcceptAsync().AsTask();
        before.Lend().Shutdown(SocketShutdown.Both);
        // A client that comes in that moment is refused, later ones are not.
        for (var tries = 1; !accepting.IsCompleted; tries++)
        {
            Assert.True(tries < 1000, "nobody listens any more");
            await ConnectAsync(after.EndPoint);
        }

        (await accepting)!.Abort(CloseReason.Stopping);
    }

    [Fact]
    public async Task The_file_of_a_unix_socket_is_left_to_the_process_that_listens_there_now()
    {
        using var folder = new TestFolder();
        var path = folder["relay.sock"];
        var before = SocketListener.Bind(new UnixDomainSocketEndPoint(path), SocketSettings.Default);
        await using var after = SocketListener.Bind(
            before.EndPoint, SocketSettings.Default, inherited: new InheritedSockets([new Socket(new SafeSocketHandle(Duplicate((int)before.Lend().Handle), ownsHandle: true))]));
        await before.DisposeAsync();
        var accepting = after.AcceptAsync().AsTask();
        Assert.Equal(SocketError.Success, await ConnectAsync(new UnixDomainSocketEndPoint(path)));
        (await accepting.WaitAsync(Eventually.Deadline))!.Abort(CloseReason.Stopping);
    }

    [Fact]
    public async Task The_file_of_a_unix_socket_goes_with_who_made_it()
    {
        using var folder = new TestFolder();
        var path = folder["relay.sock"];
        await SocketListener.Bind(new UnixDomainSocketEndPoint(path), SocketSettings.Default).DisposeAsync();
        Assert.False(File.Exists(path));
    }

    [DllImport("libc", EntryPoint = "dup", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Duplicate(int descriptor);

    [Fact]
    public async Task A_stopped_listener_accepts_null()
    {
        await using var listener = SocketListener.Bind(Free(), SocketSettings.Default);
        var accepting = listener.AcceptAsync().AsTask();
        await listener.DisposeAsync();
        Assert.Null(await accepting.WaitAsync(Eventually.Deadline));
    }

    [Theory]
    [InlineData(false, "127.0.0.1", SocketError.Success)]
    [InlineData(false, "::1", SocketError.Success)]
    [InlineData(true, "127.0.0.1", SocketError.ConnectionRefused)]
    [InlineData(true, "::1", SocketError.Success)]
    public async Task The_ipv6_wildcard_takes_ipv4_clients_unless_told_not_to(bool v6Only, string client, SocketError expected)
    {
        await using var listener = SocketListener.Bind(Free(IPAddress.IPv6Any), SocketSettings.Default, v6Only);
        Assert.Equal(expected, await ConnectAsync(new IPEndPoint(IPAddress.Parse(client), ((IPEndPoint)listener.EndPoint).Port)));
    }

    [Fact]
    public async Task A_unix_socket_left_behind_by_a_dead_process_is_taken_over_and_a_live_one_is_not()
    {
        var directory = Directory.CreateTempSubdirectory("junction-");
        try
        {
            var path = Path.Combine(directory.FullName, "relay.sock");
            using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                dead.Bind(new UnixDomainSocketEndPoint(path));
                dead.Listen();
                // The framework removes the file when it closes the socket; a killed process does not.
                File.Copy("/dev/null", path + ".keep");
            }

            using (var leftover = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                leftover.Bind(new UnixDomainSocketEndPoint(path));
                await using var listener = SocketListener.Bind(new UnixDomainSocketEndPoint(path), SocketSettings.Default);
                Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & (UnixFileMode.OtherRead | UnixFileMode.OtherWrite));
                var accepting = listener.AcceptAsync().AsTask();
                Assert.Equal(SocketError.Success, await ConnectAsync(listener.EndPoint));
                (await accepting.WaitAsync(Eventually.Deadline))!.Abort(CloseReason.Stopping);
                Assert.Equal(
                    SocketError.AddressAlreadyInUse,
                    Assert.Throws<SocketException>(() => SocketListener.Bind(new UnixDomainSocketEndPoint(path), SocketSettings.Default)).SocketErrorCode);
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_file_that_is_no_socket_is_left_alone()
    {
        var directory = Directory.CreateTempSubdirectory("junction-");
        try
        {
            var path = Path.Combine(directory.FullName, "notes.txt");
            File.WriteAllText(path, "not yours");
            var e = Assert.Throws<SocketException>(() => SocketListener.Bind(new UnixDomainSocketEndPoint(path), SocketSettings.Default));
            Assert.Equal(SocketError.AddressAlreadyInUse, e.SocketErrorCode);
            Assert.Equal("not yours", File.ReadAllText(path));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_process_that_dies_resets_its_connections()
    {
        using var listening = Peer.Listen();
        SocketSettings.Default.Apply(listening);
        using var client = await Peer.ConnectAsync(listening.LocalEndPoint!);
        using var accepted = await listening.AcceptAsync();
        // What the system does for a process that was killed: the descriptor is closed, and nobody says why. (Replaced, since the framework
        // will close that number again.)
        using var nothing = File.OpenHandle("/dev/null");
        Assert.Equal((int)accepted.Handle, Replace((int)nothing.DangerousGetHandle(), (int)accepted.Handle));
        Assert.Equal(SeenEnd.Reset, (await client.ReadToEndAsync()).End);
    }

    [DllImport("libc", EntryPoint = "dup2"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Replace(int by, int descriptor);

    private static async Task<SocketError> ConnectAsync(EndPoint address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, address is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(address).WaitAsync(Eventually.Deadline);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
