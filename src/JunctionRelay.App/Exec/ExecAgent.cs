using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Files;
using JunctionRelay.Relay;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Exec;

/// <summary>The junction of one job: relays on loopback for as long as the job lives, and resets what is left when it ends.</summary>
internal static class ExecAgent
{
    /// <summary>For links to come up before the job starts.</summary>
    private static readonly TimeSpan LinksUp = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LookAtLinks = TimeSpan.FromMilliseconds(5);

    /// <summary>Runs it to the job's end.</summary>
    /// <param name="config">The agent's own (<see cref="AgentConfig"/>).</param>
    /// <param name="home">The directory that paths in it are relative to.</param>
    /// <param name="ready">Called once, when the job may start.</param>
    public static async Task<int> RunAsync(JunctionConfig config, string home, string level, JobProcess job, TextWriter error, Action ready)
    {
        using var output = new LogOutput(OutputDescriptor.StandardError(), new TextLog(), LogWords.Level(level), TimeProvider.System);
        using var log = LoggerFactory.Create(l => l.AddProvider(output).SetMinimumLevel(LogLevel.Trace));
        // An instance of its own: other agents with the same certificate are not taken for its ghosts.
        var plan = RelayPlanBuilder.Build(config, home, TimeProvider.System, Guid.NewGuid().ToString(), log.CreateLogger<LinkService>());
        await using var links = new LinkService(plan.Links, log.CreateLogger<LinkService>());
        await using var relays = new RelayService(plan.Relays, plan.DrainTimeout, log.CreateLogger<RelayService>(), TimeProvider.System, (plan.Peers, links.Streams));
        // A node's certificate is renewed by whom it belongs to.
        var renewal = plan.Renewal is { } ours && FileTraits.OwnerOf(ours.Directory.Root)?.Uid == Takeover.UserId ? ours : null;
        using var identity = new IdentityService(() => plan.Stores, () => renewal, TimeProvider.System, log.CreateLogger<IdentityService>());
        try
        {
            await links.StartAsync(CancellationToken.None);
            await identity.StartAsync(CancellationToken.None);
            // First: a target that has never been up is no news.
            if (!await LinksAsync(plan.Links, links, error)) return ExitCodes.Unavailable;
            await relays.StartAsync(CancellationToken.None);
            ready();
            await job.WhenEndedAsync(TimeProvider.System);
            return ExitCodes.Ok;
        }
        catch (ListenException e)
        {
            error.WriteLine($"junction exec: {e.Message}");
            return ExitCodes.Unavailable;
        }
        finally
        {
            // Children that the job left behind hold nothing any more.
            relays.StopNow();
            await links.StoppingAsync(CancellationToken.None);
            await relays.StopAsync(CancellationToken.None);
            await links.StopAsync(CancellationToken.None);
            await identity.StopAsync(CancellationToken.None);
        }
    }

    // False when none of them came up: the job would find nothing.
    private static async Task<bool> LinksAsync(LinksPlan? plan, LinkService links, TextWriter error)
    {
        if (plan is null) return true;
        bool IsUp(DialledLink link) => plan.Directory.Find(link.Peer).Any(s => s.IsUp);
        for (var started = TimeProvider.System.GetTimestamp(); !plan.Dial.All(IsUp) && TimeProvider.System.GetElapsedTime(started) < LinksUp;) await Task.Delay(LookAtLinks);
        var down = plan.Dial.Where(l => !IsUp(l)).ToList();
        foreach (var link in down) error.WriteLine($"junction exec: the link {link.Name} does not come up: {links.LastFailureOf(link.Name) ?? "nothing answers"}");
        return down.Count < plan.Dial.Count || plan.Dial.Count == 0;
    }
}
