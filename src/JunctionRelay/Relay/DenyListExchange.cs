using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Deny lists over links: each end gives the other what it has, when the link comes up and when there is something newer, a stream for each list. Whoever passes a
/// list on cannot change it: it is signed by an authority that the other end trusts.
/// </summary>
internal sealed class DenyListExchange(DenyLists lists, OwnLinks links, LinkDirectory directory, TimeProvider time, ILogger log)
{
    /// <summary>The service that stands for this on a link: the opener sends one list, and ends.</summary>
    public const string Service = "junction:deny";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly ConditionalWeakTable<LinkSession, Dictionary<string, ulong>> _sent = [];
    private readonly LineBudget _refusals = new();

    // One list of a peer is in memory at a time, however many streams it opens, over however many links.
    private readonly ConditionalWeakTable<PeerStreams, SemaphoreSlim> _turns = [];

    /// <summary>Gives every peer what it has not been given yet. Not for two at once.</summary>
    /// <returns>The streams that were begun, until their ends; they do not throw.</returns>
    public IEnumerable<Task> Send()
    {
        var all = lists.All;
        if (all.Count == 0)
            return [];
        var begun = new List<Task>();
        foreach (var session in directory.All().Select(s => s.Session).Where(s => s.IsUp))
        {
            var sent = _sent.GetOrCreateValue(session);
            foreach (var list in all.Where(l => sent.GetValueOrDefault(l.Authority) < l.Number))
            {
                if (links.TryOpen(session, Service, []) is not { } stream)
                    break;
                sent[list.Authority] = list.Number;
                begun.Add(SendAsync(stream, list));
            }
        }

        return begun;
    }

    /// <summary>Takes what a peer gives, and disposes the stream. Never throws.</summary>
    public async Task ReceiveAsync(LinkStream stream)
    {
        var peer = stream.Peer?.Name ?? "?";
        var turn = _turns.GetValue(stream.Session.HeldByPeer, static _ => new SemaphoreSlim(1));
        using var deadline = new CancellationTokenSource(Timeout, time);
        try
        {
            await turn.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            // The peer has not finished what it began before.
            await stream.DisposeAsync();
            return;
        }

        try
        {
            var text = new ArrayBufferWriter<byte>();
            for (var ended = false; !ended;)
            {
                var read = await stream.Input.ReadAsync(deadline.Token);
                var isTooLong = text.WrittenCount + read.Buffer.Length > SignedDenyList.LongestBytes;
                if (!isTooLong)
                {
                    foreach (var piece in read.Buffer)
                        text.Write(piece.Span);
                }

                stream.Input.AdvanceTo(read.Buffer.End);
                if (isTooLong)
                {
                    Refuse(peer, $"it is longer than {SignedDenyList.LongestBytes} bytes");
                    return;
                }

                ended = read.IsCompleted;
            }

            if (lists.Offer(Encoding.UTF8.GetString(text.WrittenSpan), out var wrong) is { } list)
                log.DenyListTaken(list.Number, list.Entries.Count, peer);
            else if (wrong is not null)
                Refuse(peer, wrong);
            await stream.CompleteOutputAsync();
        }
        catch (Exception e) when (e is ConnectionBrokenException or OperationCanceledException)
        {
            // The link was lost for good: its successor is given the list anew.
        }
        finally
        {
            turn.Release();
            await stream.DisposeAsync();
        }
    }

    private async Task SendAsync(LinkStream stream, SignedDenyList list)
    {
        try
        {
            using var deadline = new CancellationTokenSource(Timeout, time);
            await stream.Output.WriteAsync(Encoding.ASCII.GetBytes(list.Text), deadline.Token);
            await stream.CompleteOutputAsync();
            // Its end says that it has read all.
            while (await stream.Input.ReadAsync(deadline.Token) is { IsCompleted: false } read)
                stream.Input.AdvanceTo(read.Buffer.End);
        }
        catch (Exception e) when (e is ConnectionBrokenException or OperationCanceledException)
        {
            // As above; or an older junction, which knows no such thing.
        }
        finally
        {
            await stream.DisposeAsync();
        }
    }

    private void Refuse(string peer, string why)
    {
        if (_refusals.TryTake(time, out _))
            log.DenyListRefused(peer, why);
    }
}
