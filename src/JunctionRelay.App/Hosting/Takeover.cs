using JunctionRelay.Relay;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>Between the start of the links and that of the relays: clients are taken only when the links that they need are up, and until then by the process before us.</summary>
internal sealed class Takeover(Predecessor predecessor, LinkService links, TimeProvider time, ILogger<Takeover> log) : IHostedService
{
    /// <summary>For links to come up, in both directions: as long as a peer takes to see that the process before us drains, and to dial.</summary>
    private static readonly TimeSpan LinksTimeout = TimeSpan.FromSeconds(10);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        log.TakenOver(predecessor.Sockets.Count, predecessor.Process);
        try
        {
            await links.WhenDialled.WaitAsync(LinksTimeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            log.LinksLate(LinksTimeout.TotalSeconds);
        }

        links.Expect(predecessor.Peers, LinksTimeout);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
