using JunctionRelay.App.Admin;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>What the configuration says of the log; null where it says nothing.</summary>
/// <param name="Format"><c>text</c> or <c>json</c>.</param>
/// <param name="Level">The lowest level that is shown.</param>
/// <param name="ToStandardError">Not to standard output, which is somebody's connection or answer.</param>
internal sealed record LoggingPlan(string? Format, string? Level, bool ToStandardError = false);

/// <summary>The whole composition of a running junction.</summary>
internal static class JunctionHost
{
    /// <summary>Runs until told to stop and drained.</summary>
    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    /// <param name="logging">How to log.</param>
    /// <param name="build">Makes the plan; the log is for its links.</param>
    /// <param name="started">What else must be there before all is ready, until the junction is told to stop; what it throws stops the junction.</param>
    public static async Task RunAsync(LoggingPlan logging, Func<ILogger, JunctionPlan> build, Func<IServiceProvider, CancellationToken, Task>? started = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        // Owned by the container, which writes the last lines when all else is over.
        builder.Services.AddSingleton<ILoggerProvider>(_ => Log(logging));
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(SocketActivation.Take());
        builder.Services.AddSingleton(s => build(s.GetRequiredService<ILogger<LinkService>>()));
        builder.Services.AddSingleton(s => new ReloadOutcome(s.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(Links);
        builder.Services.AddSingleton(Relays);
        // Stopped in the opposite order: the relays drain while the links still carry them, and while somebody may watch.
        builder.Services.AddHostedService(s => Watchdog.Of(s.GetRequiredService<RelayService>(), s.GetRequiredService<TimeProvider>()));
        builder.Services.AddHostedService(Identity);
        builder.Services.AddHostedService(Admin);
        builder.Services.AddHostedService(s => s.GetRequiredService<LinkService>());
        builder.Services.AddHostedService(s => s.GetRequiredService<RelayService>());
        builder.Services.AddHostedService(Listeners);
        builder.Services.AddSingleton<IHostLifetime, Signals>();
        // The drain has a limit of its own.
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = Timeout.InfiniteTimeSpan);

        using var host = builder.Build();
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStarted.Register(() => CloseUnused(host.Services));
        await host.StartAsync();
        try
        {
            if (started is not null) await started(host.Services, lifetime.ApplicationStopping);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Told to stop before it was ready.
        }
        catch
        {
            await host.StopAsync();
            throw;
        }

        if (!lifetime.ApplicationStopping.IsCancellationRequested) ServiceManager.Notify("READY=1");
        if (host.Services.GetRequiredService<JunctionPlan>().Stdio is { } stdio) _ = StopWithAsync(stdio, lifetime);
        await host.WaitForShutdownAsync();
    }

    // A junction that has a client on its standard input is there for that one.
    private static async Task StopWithAsync(StandardStreams stdio, IHostApplicationLifetime lifetime)
    {
        stdio.Begin();
        await stdio.Ended;
        lifetime.StopApplication();
    }

    // A socket that listens and is never asked for clients would let them wait for ever.
    private static void CloseUnused(IServiceProvider services)
    {
        foreach (var socket in services.GetRequiredService<InheritedSockets>().TakeRest())
        {
            services.GetRequiredService<ILogger<Signals>>().SocketUnused(SocketDialer.Text(socket.LocalEndPoint!));
            socket.Dispose();
        }
    }

    private static LogOutput Log(LoggingPlan logging)
    {
        // People read text, and everything else reads JSON.
        var isText = logging.Format is { } format ? format == "text" : !Console.IsOutputRedirected;
        ILogFormat lines = isText ? new TextLog() : new JsonLog();
        var output = logging.ToStandardError ? Console.OpenStandardError() : Console.OpenStandardOutput();
        return new LogOutput(output, JournalLog.IsHere() ? new JournalLog(lines) : lines, LogWords.Level(logging.Level), TimeProvider.System);
    }

    private static IdentityService Identity(IServiceProvider services) => new(
        services.GetRequiredService<JunctionPlan>().Stores, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<IdentityService>>());

    private static AdminServer Admin(IServiceProvider services) => new(
        services.GetRequiredService<JunctionPlan>, services.GetRequiredService<RelayService>(), services.GetRequiredService<LinkService>(),
        services.GetRequiredService<ReloadOutcome>(), services.GetRequiredService<ILogger<AdminServer>>(), services.GetRequiredService<TimeProvider>())
    {
        Inherited = services.GetRequiredService<InheritedSockets>(),
    };

    private static LinkService Links(IServiceProvider services) =>
        new(services.GetRequiredService<JunctionPlan>().Links, services.GetRequiredService<ILogger<LinkService>>())
        {
            Inherited = services.GetRequiredService<InheritedSockets>(),
        };

    private static PeerListeners Listeners(IServiceProvider services)
    {
        var (plan, relays) = (services.GetRequiredService<JunctionPlan>(), services.GetRequiredService<RelayService>());
        return new PeerListeners(
            () => plan is { Links: { } links, Peers: { } peers } ? (links, peers) : null, services.GetRequiredService<LinkService>().Streams, relays.Connections, relays.Metrics,
            services.GetRequiredService<ILogger<PeerListeners>>(), services.GetRequiredService<TimeProvider>());
    }

    private static RelayService Relays(IServiceProvider services)
    {
        var plan = services.GetRequiredService<JunctionPlan>();
        return new RelayService(
            plan.Relays, plan.DrainTimeout, services.GetRequiredService<ILogger<RelayService>>(), services.GetRequiredService<TimeProvider>(),
            plan.Peers is null ? null : (plan.Peers, services.GetRequiredService<LinkService>().Streams))
        {
            Inherited = services.GetRequiredService<InheritedSockets>(),
        };
    }
}
