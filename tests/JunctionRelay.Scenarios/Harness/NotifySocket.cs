using System.Net.Sockets;
using System.Text;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>The socket at which a service manager hears from its service: <c>NOTIFY_SOCKET</c>, as in sd_notify(3).</summary>
internal sealed class NotifySocket : IAsyncDisposable
{
    private const int LongestMessage = 4096;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly List<string> _told = [];   // locked by itself
    private readonly Task _listening;

    public NotifySocket(string path)
    {
        Path = path;
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        _listening = Listen();
    }

    /// <summary>What goes into <c>NOTIFY_SOCKET</c>.</summary>
    public string Path { get; }

    /// <summary>Every assignment told so far (<c>READY=1</c>, <c>STOPPING=1</c>, …), in order.</summary>
    public IReadOnlyList<string> Told
    {
        get
        {
            lock (_told)
                return [.. _told];
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _listening;
    }

    private async Task Listen()
    {
        var buffer = new byte[LongestMessage];
        while (true)
        {
            try
            {
                var length = await _socket.ReceiveAsync(buffer);
                lock (_told)
                    _told.AddRange(Encoding.UTF8.GetString(buffer, 0, length).Split('\n', StringSplitOptions.RemoveEmptyEntries));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
