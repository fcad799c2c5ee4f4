using System.Net;
using System.Text;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>What came of asking another junction to listen.</summary>
/// <param name="Addresses">Where it listens; null when it does not.</param>
/// <param name="Reason">Why not; meaningless when it does.</param>
/// <param name="Detail">For people.</param>
internal readonly record struct RemoteListenOutcome(string? Addresses, CloseReason Reason, string Detail);

/// <summary>
/// A port of another junction, for which it listens on our behalf (<c>-R</c>): asked for by a stream of its own, which stands for the listener and ends with it.
/// Asked for again whenever it is lost, for as long as we listen.
/// </summary>
/// <param name="link">As the configuration calls it.</param>
/// <param name="peer">The name that the junction's certificate bears.</param>
/// <param name="address">Where it is to listen, see <see cref="LinkOpen.Listen"/>.</param>
/// <param name="self">Our own name.</param>
internal sealed class RemoteListener(string link, string peer, string address, string self, LinkDirectory links, TimeProvider time, ILogger log) : ConnectionListener
{
    /// <summary>How long the other junction may take to listen, or to say that it will not.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>Sixteen listeners with a port of five digits each; who says more says something else.</summary>
    private const int MostAnswerBytes = 1024;

    /// <summary>What its clients send and get is compressed on the link, if the peer can do that.</summary>
    public bool Compresses { get; init; }

    private readonly LinkListener _accepted = new(link);
    private readonly string _service = $"listen {address} {Guid.NewGuid():N}";
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<RemoteListenOutcome> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Task? _asking;   // under _gate

    public override EndPoint EndPoint { get; } = new NamedEndPoint($"link://{link}/{address}");

    /// <summary>What the first answer was; a link that is not up yet is waited for.</summary>
    public Task<RemoteListenOutcome> FirstAnswer => _first.Task;

    public override ValueTask<Connection?> AcceptAsync()
    {
        lock (_gate)
        {
            if (!_stop.IsCancellationRequested)
                _asking ??= AskAsync(_stop.Token);
        }

        return _accepted.AcceptAsync();
    }

    /// <summary>The port stays the other junction's while our targets are down; its clients are refused one by one.</summary>
    public override bool Listen(bool listening) => false;

    public override async ValueTask DisposeAsync()
    {
        Task? asking;
        lock (_gate)
        {
            _stop.Cancel();
            asking = _asking;
        }

        if (asking is not null)
            await asking;
        await _accepted.DisposeAsync();
        _first.TrySetResult(new RemoteListenOutcome(null, CloseReason.Stopping, "stopped before it was asked"));
    }

    private async Task AskAsync(CancellationToken stop)
    {
        var pause = FirstPause;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await links.WhenUpAsync(peer, stop);
                if (await ListenAsync(stop))
                    pause = FirstPause;
                await Task.Delay(pause, time, stop);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
            catch (OperationCanceledException)
            {
                // Told to stop.
            }
        }
    }

    // One life of the listener. False when it never was.
    private async Task<bool> ListenAsync(CancellationToken stop)
    {
        var open = new LinkOpen(_service, Guid.NewGuid(), null, [self]) { Listen = address, IsCompressed = Compresses };
        var held = await HeldStream.OpenAsync(links, peer, open, AnswerTimeout, time, stop);
        if (held.Stream is not { } stream)
        {
            // A link that was lost meanwhile has answered nothing.
            if (held.Reason is CloseReason.LinkDown or CloseReason.LinkLost or CloseReason.LinkPeerRestarted or CloseReason.Stopping)
                return false;
            log.RemoteListenRefused(link, address, held.Reason.Name(), held.Detail);
            _first.TrySetResult(new RemoteListenOutcome(null, held.Reason, held.Detail));
            return false;
        }

        stream.Session.Expect(_service, _accepted);
        try
        {
            // It accepts nobody before this byte, so that no client comes whom nobody expects yet.
            await stream.Output.WriteAsync("\n"u8.ToArray(), stop);
            var addresses = await ReadLineAsync(stream, stop);
            log.RemoteListening(link, addresses);
            _first.TrySetResult(new RemoteListenOutcome(addresses, default, ""));
            while (!(await ReadAsync(stream, stop)).IsCompleted)
            {
                // Nothing more is to be said.
            }

            log.RemoteListenLost(link, address, "it was ended there");
            return true;
        }
        catch (ConnectionBrokenException e)
        {
            log.RemoteListenLost(link, address, e.Detail.Length > 0 ? e.Detail : e.Told?.Name() ?? "the link broke");
            return true;
        }
        finally
        {
            stream.Session.Unexpect(_service);
            await stream.DisposeAsync();
        }
    }

    private static async Task<string> ReadLineAsync(LinkStream stream, CancellationToken stop)
    {
        var line = new StringBuilder();
        while (line.Length < MostAnswerBytes)
        {
            var read = await stream.Input.ReadAsync(stop);
            foreach (var segment in read.Buffer)
                line.Append(LinkFieldsReader.Printable(segment.Span));
            stream.Input.AdvanceTo(read.Buffer.End);
            // The end of the line is printed as a question mark, like all that is no letter.
            if (read.IsCompleted || line.Length > 0 && line[^1] == '?')
                break;
        }

        return line.ToString().TrimEnd('?');
    }

    private static async Task<System.IO.Pipelines.ReadResult> ReadAsync(LinkStream stream, CancellationToken stop)
    {
        var read = await stream.Input.ReadAsync(stop);
        stream.Input.AdvanceTo(read.Buffer.End);
        return read;
    }
}
