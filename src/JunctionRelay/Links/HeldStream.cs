using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>A stream that its taker has answered, or why there is none.</summary>
/// <param name="IsBeyond">The link was there; what failed lies behind it.</param>
internal readonly record struct HeldOutcome(LinkStream? Stream, CloseReason Reason, string Detail, bool IsBeyond);

/// <summary>Opens streams whose answer is waited for (<c>docs/link-protocol.md</c>, section 6).</summary>
internal static class HeldStream
{
    /// <summary>Opens a stream to the peer and waits until its taker has reached the target, or has listened.</summary>
    public static async Task<HeldOutcome> OpenAsync(LinkDirectory links, string peer, LinkOpen open, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var (stream, refused) = await links.OpenAsync(peer, open with { IsHeld = true }, time, cancellationToken);
        return stream is null ? new HeldOutcome(null, refused, refused == CloseReason.LinkDown ? $"the link with {peer} is down" : refused.Name(), IsBeyond: false) : await AnswerAsync(stream, peer, timeout, time, cancellationToken);
    }

    private static async Task<HeldOutcome> AnswerAsync(LinkStream stream, string peer, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var (reason, detail) = (CloseReason.DialTimeout, $"{peer} did not answer within {timeout.TotalSeconds:0.###} s");
        try
        {
            await stream.WhenAnswered().WaitAsync(timeout, time, cancellationToken);
            return new HeldOutcome(stream, default, "", IsBeyond: false);
        }
        catch (TimeoutException)
        {
            // As said above.
        }
        catch (OperationCanceledException)
        {
            (reason, detail) = (CloseReason.Stopping, "it was given up");
        }
        catch (ConnectionBrokenException e)
        {
            (reason, detail) = (e.Told ?? CloseReason.LinkLost, e.Detail.Length > 0 ? e.Detail : $"{peer} refused: {e.Told?.Name()}");
        }

        stream.Abort(reason);
        return new HeldOutcome(null, reason, detail, IsBeyond: true);
    }
}
