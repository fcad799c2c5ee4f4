using System.Buffers;
using System.IO.Pipelines;
using System.Net;

namespace JunctionRelay.Connections;

/// <summary>
/// Two directions of bytes with one peer: TCP, a unix socket, TLS over either, or a stream of a link. One owner reads
/// <see cref="Input"/>, one owner writes <see cref="Output"/>, and one owner disposes.
/// </summary>
/// <remarks>
/// Ends. <see cref="Input"/> reports a clean end of the peer (FIN, close_notify, END) as <see cref="ReadResult.IsCompleted"/> and
/// everything else by throwing <see cref="ConnectionBrokenException"/>: a cut is never a clean end. <see cref="CompleteOutputAsync"/> ends our
/// direction cleanly and leaves the other open. <see cref="Abort"/> ends both with a reset. A connection that is disposed before both
/// directions have ended is aborted.
/// </remarks>
internal abstract class Connection : IDuplexPipe, IAsyncDisposable
{
    /// <summary>What the peer sends. Every buffer is a single segment where the implementation can (sockets, TLS).</summary>
    public abstract PipeReader Input { get; }

    /// <summary>What we send. <see cref="PipeWriter.WriteAsync"/> sends the caller's memory without copying and completes when it may be reused.</summary>
    public abstract PipeWriter Output { get; }

    /// <summary>Our address, or null when there is none (memory, link streams).</summary>
    public abstract EndPoint? LocalEndPoint { get; }

    /// <summary>The peer's address, or null when there is none.</summary>
    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>Who the peer proved to be by its certificate; null where nothing was proved.</summary>
    public virtual PeerIdentity? Peer => null;

    /// <summary>The user id of the process at the other end of a unix socket, as the system noted it when it connected; null elsewhere.</summary>
    public virtual uint? PeerUid => null;

    /// <summary>The version of TLS, as OpenSSL writes it (TLSv1.3); null without.</summary>
    public virtual string? TlsVersion => null;

    /// <summary>Ends our direction cleanly (FIN, close_notify, END). Idempotent; never throws for a peer that is gone.</summary>
    public abstract ValueTask CompleteOutputAsync();

    /// <summary>
    /// Waits until the peer's system has acknowledged what was written, so that a following <see cref="Abort"/> discards nothing; gives up
    /// after <paramref name="limit"/> or when the connection breaks. Never throws.
    /// </summary>
    public virtual ValueTask DrainOutputAsync(TimeSpan limit) => ValueTask.CompletedTask;

    /// <summary>
    /// The protocol above has ended cleanly in both directions: nothing that may still arrive counts, and what was written must reach the peer
    /// although <see cref="DisposeAsync"/> follows. The caller has completed the output and reads no more. Never throws.
    /// </summary>
    public virtual ValueTask EndAboveAsync() => DrainOutputAsync(TimeSpan.FromSeconds(10));

    /// <summary>
    /// Ends both directions at once with a reset (RST), discarding what is unsent. Idempotent, callable from any thread; pending reads and
    /// writes end with an exception. A link stream carries <paramref name="reason"/> to the far junction.
    /// </summary>
    public abstract void Abort(CloseReason reason);

    /// <summary>
    /// Looks, without reading, whether the peer is gone: the check for directions that are stuck in a write and so read nothing.
    /// <paramref name="silentAfter"/>: how long unacknowledged data may go without any sign of life.
    /// </summary>
    public virtual ConnectionFault? Probe(TimeSpan silentAfter) => null;

    /// <summary>Why the peer reset the connection, where it said so: a far junction does, whose reason is also that of what hangs on it here. Null otherwise.</summary>
    public virtual CloseReason? Told => null;

    /// <summary>Reads straight into <paramref name="destination"/> (0 = clean end). For layers above (TLS) that own a buffer already; never beside <see cref="Input"/>.</summary>
    public virtual async ValueTask<int> ReceiveAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        var result = await Input.ReadAsync(cancellationToken);
        var length = (int)Math.Min(result.Buffer.Length, destination.Length);
        result.Buffer.Slice(0, length).CopyTo(destination.Span);
        Input.AdvanceTo(result.Buffer.GetPosition(length));
        return length;
    }

    /// <summary>Closes the connection; a direction that has not ended makes this an abort.</summary>
    public abstract ValueTask DisposeAsync();
}
