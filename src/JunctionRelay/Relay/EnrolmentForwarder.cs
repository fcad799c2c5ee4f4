using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Relay;

/// <summary>
/// Passes a peer's question on towards the junction where the authority lives, and the answer back: whoever is linked with us alone renews through us. Nothing of
/// it is ours to judge: the question is signed over the authority's nonce, and the answer is of use to the holder of one key.
/// </summary>
internal sealed class EnrolmentForwarder
{
    /// <summary>Each takes a stream of a link and two small buffers.</summary>
    public const int MostAtOnce = 256;

    /// <summary>A node has one question; a junction in between those of its nodes. No peer takes the places of all others.</summary>
    public const int MostOfOnePeer = MostAtOnce / 8;

    /// <summary>As long as the one who asks waits for his answer.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);

    private static readonly RelayLimits Limits = new(Timeout, Timeout, Timeout, Timeout);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _ofPeer = [];   // under _lock
    private int _all;   // under _lock

    /// <summary>Forwards one stream to its end, and disposes it. Never throws.</summary>
    /// <param name="authority">The junction where the authority lives.</param>
    public async Task ForwardAsync(LinkStream asked, OwnLinks links, string authority, TimeProvider time)
    {
        var peer = asked.Peer?.Name ?? "";
        if (Take(peer) is { } full)
        {
            asked.Abort(CloseReason.TooManyStreams, full);
            await asked.DisposeAsync();
            return;
        }

        try
        {
            if (links.Towards(authority, asked.Open.Service, asked.Open.Path).FirstOrDefault() is { } onward) await SpliceAsync(asked, onward, time);
            else asked.Abort(CloseReason.LinkDown, $"no link leads from here to {authority}, where the authority lives");
        }
        finally
        {
            Give(peer);
            await asked.DisposeAsync();
        }
    }

    private static async Task SpliceAsync(LinkStream asked, LinkStream onward, TimeProvider time)
    {
        var splice = new Splice(asked, onward, Limits, SocketSettings.Default, time);
        // Nobody sweeps these: one timer ends what takes too long.
        await using var deadline = time.CreateTimer(_ => splice.Abort(CloseReason.LifetimeReached), null, Timeout, System.Threading.Timeout.InfiniteTimeSpan);
        try
        {
            await splice.RunAsync();
        }
        catch (Exception e) when (e is ConnectionBrokenException or ObjectDisposedException)
        {
            // Either side has left: the other is told by its end.
        }
        finally
        {
            await onward.DisposeAsync();
        }
    }

    // Null when there is a place, else why there is none, for the one who asks.
    private string? Take(string peer)
    {
        lock (_lock)
        {
            var mine = _ofPeer.GetValueOrDefault(peer);
            if (mine >= MostOfOnePeer) return $"{mine} questions of \"{peer}\" are being passed on already: ask again";
            if (_all >= MostAtOnce) return $"{_all} questions are being passed on already: ask again";
            _all++;
            _ofPeer[peer] = mine + 1;
            return null;
        }
    }

    private void Give(string peer)
    {
        lock (_lock)
        {
            _all--;
            if (--_ofPeer[peer] == 0) _ofPeer.Remove(peer);
        }
    }
}
