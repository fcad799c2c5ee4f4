using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Relay;

/// <summary>
/// Passes a peer's question on towards the junction where the authority lives, and the answer back: whoever is linked with us alone renews through us. Nothing of
/// it is ours to judge: the question is signed over the authority's nonce, and the answer is of use to the holder of one key.
/// </summary>
internal sealed class EnrolmentForwarder
{
    public const int MostAtOnce = 64;

    /// <summary>As long as the one who asks waits for his answer.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);

    private static readonly RelayLimits Limits = new(Timeout, Timeout, Timeout, Timeout);

    private int _now;

    /// <summary>Forwards one stream to its end, and disposes it. Never throws.</summary>
    /// <param name="authority">The junction where the authority lives.</param>
    public async Task ForwardAsync(LinkStream asked, OwnLinks links, string authority, TimeProvider time)
    {
        if (Interlocked.Increment(ref _now) > MostAtOnce || links.Towards(authority, asked.Open.Service, asked.Open.Path).FirstOrDefault() is not { } onward)
        {
            Interlocked.Decrement(ref _now);
            asked.Abort(CloseReason.LinkDown, $"no link leads from here to {authority}, where the authority lives");
            return;
        }

        var splice = new Splice(asked, onward, Limits, SocketSettings.Default, time);
        // Nobody sweeps these: one timer ends what takes too long.
        await using var deadline = time.CreateTimer(_ => splice.Abort(CloseReason.LifetimeReached), null, Timeout, System.Threading.Timeout.InfiniteTimeSpan);
        try
        {
            await splice.RunAsync();
        }
        catch (Exception e) when (e is ConnectionBrokenException or ObjectDisposedException)
        {
            // Either side has left: the other is told below.
        }
        finally
        {
            Interlocked.Decrement(ref _now);
            await onward.DisposeAsync();
            await asked.DisposeAsync();
        }
    }
}
