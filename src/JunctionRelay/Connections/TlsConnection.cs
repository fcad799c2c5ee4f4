using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography;

namespace JunctionRelay.Connections;

/// <summary>
/// TLS over any <see cref="Connection"/>, which it owns. Half-close is close_notify (RFC 8446, 6.1); an end of the transport without it is
/// <see cref="ConnectionFault.Truncated"/>, never a clean end.
/// </summary>
internal sealed class TlsConnection : Connection
{
    private readonly Connection _transport;
    private readonly SslStream _tls;
    private readonly SemaphoreSlim _work;   // see ConnectionStream.Work
    private readonly TlsInput _input;
    private readonly TlsOutput _output;
    private int _disposed;

    /// <summary>
    /// Takes ownership of an authenticated session and of the transport under it. <paramref name="refusal"/>: what it means when the peer sends
    /// an alert later; in TLS 1.3 a server judges the client's certificate after the client's handshake is over.
    /// </summary>
    public TlsConnection(Connection transport, SslStream tls, ConnectionStream stream, PeerIdentity? peer, SslApplicationProtocol protocol, CloseReason refusal)
    {
        _transport = transport;
        _tls = tls;
        _work = stream.Work = new SemaphoreSlim(1);
        _input = new TlsInput(tls, stream, refusal, isLink: !protocol.Protocol.IsEmpty);
        _output = new TlsOutput(this);
        (Peer, Protocol) = (peer, protocol);
    }

    public override PipeReader Input => _input;
    public override PipeWriter Output => _output;
    public override EndPoint? LocalEndPoint => _transport.LocalEndPoint;
    public override EndPoint? RemoteEndPoint => _transport.RemoteEndPoint;
    public override PeerIdentity? Peer { get; }
    public override string? TlsVersion => _tls.SslProtocol switch
    {
        SslProtocols.Tls13 => "TLSv1.3",
        SslProtocols.Tls12 => "TLSv1.2",
        _ => null,
    };

    /// <summary>What both sides said that they speak (ALPN); empty where nothing was said.</summary>
    public SslApplicationProtocol Protocol { get; }

    public override uint? PeerUid => _transport.PeerUid;

    public override ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellationToken) =>
        _input.ReceiveDirectAsync(destination, cancellationToken);

    public override ValueTask CompleteOutputAsync() => _output.EndAsync();
    public override ValueTask DrainOutputAsync(TimeSpan limit) => _transport.DrainOutputAsync(limit);
    public override ConnectionFault? Probe(TimeSpan silentAfter) => _transport.Probe(silentAfter);

    public override CloseReason? Told => _transport.Told;
    public override ValueTask EndAboveAsync() => _transport.EndAboveAsync();
    public override void Abort(CloseReason reason) => _transport.Abort(reason);

    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        // After close_notify both ways nobody waits for the transport's own FIN, and its lack is no reason to discard what is on its way.
        if (_input.Ended && _output.Ended) await _transport.EndAboveAsync();
        else _transport.Abort(CloseReason.InternalError);
        await _transport.DisposeAsync();
        _input.Complete();
        await _tls.DisposeAsync();
    }

    /// <summary>Waits with a zero-byte read, so that an idle session holds no buffer of ours.</summary>
    private sealed class TlsInput(SslStream tls, ConnectionStream stream, CloseReason refusal, bool isLink) : SingleSegmentReader
    {
        private bool _received;

        protected override bool TriesAtOnce => false;

        // In TLS 1.3 a server judges the client's certificate when the client believes the handshake done, and not all say why they hang up.
        private string Hint => _received || refusal != CloseReason.DialHandshakeFailed ? "" : "it ended TLS before it sent a byte: it may want a certificate, or another one";

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        protected override async ValueTask<int> WaitAsync(CancellationToken cancellationToken)
        {
            await stream.Work!.WaitAsync(cancellationToken);
            try
            {
                return await tls.ReadAsync(Memory<byte>.Empty, cancellationToken);
            }
            catch (Exception e) when (Translate(e) is { } broken)
            {
                throw broken;
            }
            finally
            {
                stream.Work.Release();
            }
        }

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        protected override async ValueTask<int> ReceiveAsync(Memory<byte> free, CancellationToken cancellationToken)
        {
            await stream.Work!.WaitAsync(cancellationToken);
            try
            {
                var count = await tls.ReadAsync(free, cancellationToken);
                if (count == 0 && stream.TransportEnded) throw new ConnectionBrokenException(ConnectionFault.Truncated, detail: Hint);
                _received |= count > 0;
                return count;
            }
            catch (Exception e) when (Translate(e) is { } broken)
            {
                throw broken;
            }
            finally
            {
                stream.Work.Release();
            }
        }

        /// <summary>For a link, which owns its buffer: what was peeked at first, then straight from the session.</summary>
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public async ValueTask<int> ReceiveDirectAsync(Memory<byte> destination, CancellationToken cancellationToken)
        {
            if (!Unconsumed.IsEmpty) return TakeUnconsumed(destination.Span);
            stream.WaitsWithBuffer = !destination.IsEmpty;
            if (destination.IsEmpty)
            {
                await WaitAsync(cancellationToken);
                return 0;
            }

            var count = await ReceiveAsync(destination, cancellationToken);
            if (count == 0) Ended = true;
            return count;
        }

        // Anything else that SslStream throws while reading is an alert, bytes that are no TLS, or a transport that ended inside a record.
        private ConnectionBrokenException? Translate(Exception e)
        {
            if (e is ConnectionBrokenException or OperationCanceledException) return null;
            if (e.InnerException is ConnectionBrokenException inner) return new(inner.Fault, inner.Told, inner.Detail, e);
            if (e is ObjectDisposedException) return new(ConnectionFault.Reset, inner: e);
            var words = e;
            while (words.InnerException is not null) words = words.InnerException;
            var alert = words.Message.Contains("alert", StringComparison.OrdinalIgnoreCase);
            var ours = isLink || refusal != CloseReason.DialHandshakeFailed ? null : CertificateAlert.Words(words.Message);
            return new(ConnectionFault.Truncated, alert ? refusal : null, ours ?? $"TLS: {words.Message}", e);
        }
    }

    private sealed class TlsOutput(TlsConnection owner) : DirectWriter(owner)
    {
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        protected override async ValueTask<FlushResult> SendAsync(ReadOnlyMemory<byte> source)
        {
            try
            {
                await owner._tls.WriteAsync(source, CancellationToken.None);
                return default;
            }
            catch (Exception e) when (e is not ConnectionBrokenException)
            {
                throw new ConnectionBrokenException((e.InnerException as ConnectionBrokenException)?.Fault ?? ConnectionFault.Reset, inner: e);
            }
        }

        protected override async ValueTask SendEndAsync()
        {
            try
            {
                Task sending;
                await owner._work.WaitAsync();
                try
                {
                    sending = owner._tls.ShutdownAsync();
                }
                finally
                {
                    // Only the making is exclusive: a peer that does not take it must not keep us from reading.
                    owner._work.Release();
                }

                await sending;
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or CryptographicException or AuthenticationException)
            {
                // The reader of this connection meets the same fault and names it.
            }

            await owner._transport.CompleteOutputAsync();
        }
    }
}
