using System.Net;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>How a link gets to an address: by the proxy or the junction that it goes through.</summary>
internal delegate ValueTask<DialOutcome> LinkWay(EndPoint target, TimeSpan timeout, CancellationToken cancellationToken);

/// <summary>
/// A link through another junction (<c>-J a,b</c>): the TCP connection to b is made by a, as far as its <c>open</c> lists permit, and what passes a is TLS between b and
/// us, so that a sees ciphertext and sizes.
/// </summary>
/// <param name="peer">The junction that is gone through.</param>
/// <param name="service">Which of its services, or <see cref="LinkOpen.AnyService"/>.</param>
/// <param name="self">Our own name.</param>
internal sealed class LinkThrough(string peer, string service, string self, LinkDirectory links, TimeProvider time)
{
    public async ValueTask<DialOutcome> ConnectAsync(EndPoint target, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            // Both links are laid at the same time: this one can only come after the other.
            await links.WhenUpAsync(peer, cancellationToken).WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return DialOutcome.Failed(CloseReason.LinkDown, $"the link with {peer}, which it goes through, is down");
        }

        var open = new LinkOpen(service, Guid.NewGuid(), null, [self]) { Destination = SocketDialer.Text(target) };
        var held = await HeldStream.OpenAsync(links, peer, open, timeout, time, cancellationToken);
        return held.Stream is { } stream ? DialOutcome.Connected(stream) : DialOutcome.Failed(held.Reason, $"{SocketDialer.Text(target)} through {peer}: {held.Detail}");
    }
}
