using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace JunctionRelay.Tests.Harness;

/// <summary>How a peer saw the other side end.</summary>
public enum SeenEnd
{
    /// <summary>FIN; under TLS, close_notify.</summary>
    Clean,
    /// <summary>RST.</summary>
    Reset,
    /// <summary>Under TLS: FIN without close_notify.</summary>
    Truncated,
}

/// <summary>A client or server of the outside world, written against the framework's own sockets and TLS, so that it can judge ours.</summary>
public sealed class Peer : IDisposable
{
    private readonly Socket _socket;
    private readonly NotingStream _transport;
    private readonly Stream _stream;
    private bool _ended;

    private Peer(Socket socket, NotingStream transport, Stream stream) => (_socket, _transport, _stream) = (socket, transport, stream);

    public EndPoint LocalEndPoint => _socket.LocalEndPoint!;

    public static async Task<Peer> ConnectAsync(EndPoint address, bool tls = false, X509Certificate2? certificate = null, string serverName = "relay.test")
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, address is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        await socket.ConnectAsync(address).WaitAsync(Eventually.Deadline);
        if (address is IPEndPoint) socket.NoDelay = true;
        if (!tls) return Plain(socket);
        return await SecureAsync(socket, certificate, serverName);
    }

    /// <summary>TLS over a socket that may have said something before.</summary>
    public static async Task<Peer> SecureAsync(Socket socket, X509Certificate2? certificate = null, string serverName = "relay.test")
    {
        var transport = new NotingStream(new NetworkStream(socket));
        var secured = new SslStream(transport);
        await secured.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = serverName,
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificates = certificate is null ? null : [certificate],
            CertificateChainPolicy = TrustDefault(),
        }).WaitAsync(Eventually.Deadline);
        return new Peer(socket, transport, secured);
    }

    /// <summary>Connects and sends where a reset is expected, which may come so early that connecting or sending itself fails.</summary>
    public static async Task<SeenEnd> ConnectAndReadEndAsync(EndPoint address, byte[]? bytes = null)
    {
        try
        {
            using var peer = await ConnectAsync(address);
            await peer.SendAsync(bytes ?? []);
            return (await peer.ReadToEndAsync()).End;
        }
        catch (Exception e) when (IsReset(e))
        {
            return SeenEnd.Reset;
        }
    }

    public static async Task<Peer> AcceptAsync(Socket listener, bool tls = false, X509Certificate2? certificate = null)
    {
        var socket = await listener.AcceptAsync().WaitAsync(Eventually.Deadline);
        return tls ? await SecuredAsync(socket, certificate) : Plain(socket);
    }

    /// <summary>The same from the server's side.</summary>
    public static async Task<Peer> SecuredAsync(Socket socket, X509Certificate2? certificate = null)
    {
        var transport = new NotingStream(new NetworkStream(socket));
        var secured = new SslStream(transport);
        await secured.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate ?? TestPki.Default.Issue("upstream.test"),
            EnabledSslProtocols = SslProtocols.Tls13,
        }).WaitAsync(Eventually.Deadline);
        return new Peer(socket, transport, secured);
    }

    private static Peer Plain(Socket socket)
    {
        var transport = new NotingStream(new NetworkStream(socket));
        return new Peer(socket, transport, transport);
    }

    public static Socket Listen(IPAddress? address = null)
    {
        var at = address ?? IPAddress.Loopback;
        var listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(at, 0));
        listener.Listen(512);
        return listener;
    }

    /// <summary>What the system takes of us before it has been acknowledged. By default megabytes, of which a third must drain before a send that waits goes on.</summary>
    public int SendBufferBytes { set => _socket.SendBufferSize = value; }

    public Task SendAsync(ReadOnlyMemory<byte> bytes, TimeSpan? within = null) => _stream.WriteAsync(bytes).AsTask().WaitAsync(within ?? Eventually.Deadline);

    // Linux tells of a reset once only: a send that was waiting is told, and the read then finds an end that looks clean. The state tells
    // (tcp_info, first byte: 7 = closed).
    public bool WasReset
    {
        get
        {
            if (_ended || !OperatingSystem.IsLinux() || _socket.ProtocolType != ProtocolType.Tcp) return false;
            Span<byte> info = stackalloc byte[256];
            return _socket.GetRawSocketOption(6, 11, info) > 0 && info[0] == 7;
        }
    }

    /// <summary>Ends our direction cleanly and goes on reading.</summary>
    public async Task EndAsync()
    {
        _ended = true;
        if (_stream is SslStream tls) await tls.ShutdownAsync().WaitAsync(Eventually.Deadline);
        _socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>close_notify and no FIN.</summary>
    public Task EndTlsOnlyAsync()
    {
        _ended = true;
        return ((SslStream)_stream).ShutdownAsync().WaitAsync(Eventually.Deadline);
    }

    /// <summary>FIN without whatever the layer above owes.</summary>
    public void EndTransportOnly()
    {
        _ended = true;
        _socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>RST.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close(0);
    }

    /// <summary>Reads exactly as many bytes.</summary>
    public async Task<byte[]> ReadAsync(int count)
    {
        var bytes = new byte[count];
        await _stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(Eventually.Deadline);
        return bytes;
    }

    /// <summary>What arrives, as it arrives, until a clean end; anything else throws.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadPiecesAsync(TimeSpan within)
    {
        var buffer = new byte[16 * 1024];
        while (await _stream.ReadAsync(buffer).AsTask().WaitAsync(within) is > 0 and var count) yield return buffer.AsMemory(0, count);
        if (WasReset) throw new IOException("the connection was reset");
    }

    /// <summary>Reads until the other side ends, and tells how it did.</summary>
    public async Task<(byte[] Bytes, SeenEnd End)> ReadToEndAsync()
    {
        var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                var count = await _stream.ReadAsync(buffer).AsTask().WaitAsync(Eventually.Deadline);
                if (count == 0 && WasReset) return (bytes.ToArray(), SeenEnd.Reset);
                if (count == 0) return (bytes.ToArray(), _stream is SslStream && _transport.Ended ? SeenEnd.Truncated : SeenEnd.Clean);
                bytes.Write(buffer, 0, count);
            }
        }
        catch (IOException e) when (IsReset(e))
        {
            return (bytes.ToArray(), SeenEnd.Reset);
        }
        catch (IOException) when (_stream is SslStream && _transport.Ended)
        {
            return (bytes.ToArray(), SeenEnd.Truncated);
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    public static X509ChainPolicy TrustDefault()
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, TrustMode = X509ChainTrustMode.CustomRootTrust };
        policy.CustomTrustStore.AddRange(TestPki.Default.Trust);
        return policy;
    }

    private static bool IsReset(Exception? e) =>
        e is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown } || e?.InnerException is not null && IsReset(e.InnerException);

    /// <summary>Notes whether the transport's own end was read.</summary>
    private sealed class NotingStream(Stream inner) : Stream
    {
        public bool Ended { get; private set; }
        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await inner.ReadAsync(buffer, cancellationToken);
            if (count == 0 && !buffer.IsEmpty) Ended = true;
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);
        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => inner.WriteAsync(buffer, offset, count, cancellationToken);
        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
        public override void Flush() => inner.Flush();
        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);
        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
