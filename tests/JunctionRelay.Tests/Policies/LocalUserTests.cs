using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;
using JunctionRelay.Policies;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Policies;

/// <summary>Which user of this machine a client is; compared with what id(1) says.</summary>
public sealed class LocalUserTests
{
    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::ffff:127.0.0.1", "127.0.0.1")]   // our dual-stack listener, an IPv4 client
    [InlineData("127.0.0.1", "::ffff:127.0.0.1")]   // an IPv6 socket that connects to IPv4
    public async Task The_owner_of_the_other_socket_is_found(string listen, string connect)
    {
        using var pair = await Pair.ConnectAsync(listen, connect);
        Assert.Equal(uint.Parse(Id("-u"), null), SocketOwner.Find(pair.Client, pair.Server));
    }

    [Fact]
    public async Task Nobody_is_taken_for_the_owner_of_a_connection_that_is_not_exactly_this_one()
    {
        using var pair = await Pair.ConnectAsync("127.0.0.1", "127.0.0.1");
        Assert.Null(SocketOwner.Find(new IPEndPoint(pair.Client.Address, pair.Client.Port ^ 1), pair.Server));
        Assert.Null(SocketOwner.Find(pair.Client, new IPEndPoint(IPAddress.Parse("127.0.0.2"), pair.Server.Port)));
        Assert.Null(SocketOwner.Find(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 4711), pair.Server));
    }

    // A closed socket says uid 0: such a client must not be taken for root.
    [Fact]
    public async Task A_client_that_has_closed_is_unknown_and_never_root()
    {
        using var pair = await Pair.ConnectAsync("127.0.0.1", "127.0.0.1");
        pair.Connecting.Dispose();
        await Eventually.TrueAsync(() => SocketOwner.Find(pair.Client, pair.Server) is null, () => $"{SocketOwner.Find(pair.Client, pair.Server)}");
    }

    [Fact]
    public void The_table_of_proc_is_read_for_established_rows_with_an_inode_only()
    {
        var client = SocketOwner.ProcAddress(new IPEndPoint(IPAddress.Loopback, 0x9C40));
        var server = SocketOwner.ProcAddress(new IPEndPoint(IPAddress.Loopback, 8990));
        Assert.Equal(("0100007F:9C40", "0100007F:231E"), (client, server));
        string Row(string state, string inode) =>
            $"   3: {client} {server} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0000000000000000 20 4 30 10 -1";
        Assert.Equal(1000u, SocketOwner.ProcOwner(Row("01", "81516"), client, server));
        Assert.Null(SocketOwner.ProcOwner(Row("05", "81516"), client, server));
        Assert.Null(SocketOwner.ProcOwner(Row("01", "0"), client, server));
        Assert.Null(SocketOwner.ProcOwner(Row("01", "81516"), server, client));
        Assert.Null(SocketOwner.ProcOwner("  sl  local_address rem_address   st", client, server));
        Assert.Equal("00000000000000000000000001000000:0050", SocketOwner.ProcAddress(new IPEndPoint(IPAddress.IPv6Loopback, 80)));
    }

    [Fact]
    public async Task A_unix_socket_tells_who_connected()
    {
        var path = Path.Combine(Path.GetTempPath(), $"junction-{Guid.NewGuid():N}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        using var connecting = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connecting.ConnectAsync(new UnixDomainSocketEndPoint(path));
        await using var connection = new SocketConnection(await listener.AcceptAsync());
        File.Delete(path);
        var user = LocalUser.Of(connection, new UserDatabase(TimeProvider.System));
        Assert.Equal(uint.Parse(Id("-u"), null), user?.Uid);
    }

    [Fact]
    public void Names_and_groups_are_those_of_the_machine()
    {
        var user = new UserDatabase(TimeProvider.System).Find(uint.Parse(Id("-u"), null));
        Assert.Equal((Id("-un"), Id("-Gn", Id("-un"))), (user.Name, string.Join(' ', user.Groups)));
    }

    [Fact]
    public void A_number_without_a_user_stays_a_number()
    {
        var user = new UserDatabase(TimeProvider.System).Find(3_999_999_999);
        Assert.Equal("3999999999", user.Name);
        Assert.Empty(user.Groups);
    }

    private static string Id(params string[] arguments)
    {
        using var id = Process.Start(new ProcessStartInfo("id", arguments) { RedirectStandardOutput = true })!;
        return id.StandardOutput.ReadToEnd().Trim();
    }

    private sealed record Pair(Socket Connecting, Socket Accepted) : IDisposable
    {
        public IPEndPoint Client => (IPEndPoint)Accepted.RemoteEndPoint!;
        public IPEndPoint Server => (IPEndPoint)Accepted.LocalEndPoint!;

        public static async Task<Pair> ConnectAsync(string listen, string connect)
        {
            var at = IPAddress.Parse(listen);
            using var listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (at.AddressFamily == AddressFamily.InterNetworkV6) listener.DualMode = true;
            listener.Bind(new IPEndPoint(at.IsIPv4MappedToIPv6 ? IPAddress.IPv6Any : at, 0));
            listener.Listen();
            var to = IPAddress.Parse(connect);
            var connecting = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (to.IsIPv4MappedToIPv6) connecting.DualMode = true;
            await connecting.ConnectAsync(to, ((IPEndPoint)listener.LocalEndPoint!).Port);
            return new Pair(connecting, await listener.AcceptAsync());
        }

        public void Dispose()
        {
            Connecting.Dispose();
            Accepted.Dispose();
        }
    }
}
