using JunctionRelay.App.Admin;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>The whole composition of a running junction.</summary>
internal static class JunctionHost
{
    /// <summary>Runs until told to stop and drained.</summary>
    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    /// <param name="reading">Its configuration, without problems.</param>
    /// <param name="predecessor">Whose place to take; null = nobody's.</param>
    /// <param name="started">
    /// Of a junction that is somebody's command and no service: what else must be there before all is ready, until it is told to stop; what it throws stops the junction.
    /// Such a junction leaves standard output to whom it belongs, and ends with its terminal.
    /// </param>
    public static async Task RunAsync(ConfigReading reading, Func<IServiceProvider, CancellationToken, Task>? started = null, Predecessor? predecessor = null)
    {
        var noGroups = KeyExchangeGroups.Limit();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        // Owned by the container, which writes the last lines when all else is over.
        builder.Services.AddSingleton(_ => Log(reading.Config!, started is null ? OutputDescriptor.StandardOutput() : OutputDescriptor.StandardError()));
        builder.Services.AddSingleton<ILoggerProvider>(s => s.GetRequiredService<LogOutput>());
        if (reading.Config!.AuditFile(reading.Home) is { } audit)
            builder.Services.AddSingleton<ILoggerProvider>(s => AuditStream.Open(audit, s.GetRequiredService<LogOutput>().CreateLogger(typeof(AuditStream).FullName!)));
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new InheritedSockets([.. SocketActivation.Take(), .. predecessor?.Sockets ?? []]));
        builder.Services.AddSingleton(s => new PlanInForce(Build(s, reading, starts: predecessor?.Starts)));
        builder.Services.AddSingleton(s => new ReloadOutcome(s.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(Links);
        builder.Services.AddSingleton(s => Relays(s, predecessor));
        builder.Services.AddSingleton(Admin);
        builder.Services.AddSingleton(s => Reloads(s, reading));
        builder.Services.AddSingleton(s => Successors(s, reading, predecessor));
        // Stopped in the opposite order: the relays drain while the links still carry them, and while somebody may watch.
        builder.Services.AddHostedService(s => Watchdog.Of(s.GetRequiredService<RelayService>(), s.GetRequiredService<TimeProvider>()));
        builder.Services.AddHostedService(Identity);
        builder.Services.AddHostedService(Revocation);
        builder.Services.AddHostedService(s => s.GetRequiredService<AdminServer>());
        builder.Services.AddHostedService(s => s.GetRequiredService<LinkService>());
        if (predecessor is not null) builder.Services.AddHostedService(s => new Takeover(predecessor, s.GetRequiredService<LinkService>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<Takeover>>()));
        builder.Services.AddHostedService(s => s.GetRequiredService<RelayService>());
        builder.Services.AddSingleton(Listeners);
        builder.Services.AddHostedService(s => s.GetRequiredService<PeerListeners>());
        if (started is null)
        {
            builder.Services.AddHostedService(s => s.GetRequiredService<Reloader>());
            builder.Services.AddHostedService(s => s.GetRequiredService<SuccessorPort>());
        }

        builder.Services.AddSingleton<IHostLifetime>(s => new Signals(
            s.GetRequiredService<IHostApplicationLifetime>(), s.GetRequiredService<RelayService>(), started is null ? s.GetRequiredService<Reloader>() : null,
            started is null ? s.GetRequiredService<SuccessorPort>() : null));
        // The drain has a limit of its own.
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = Timeout.InfiniteTimeSpan);

        using var host = builder.Build();
        if (noGroups is not null) host.Services.GetRequiredService<ILogger<Signals>>().GroupsNotLimited(noGroups);
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStarted.Register(() =>
        {
            predecessor?.Ready();
            CloseUnused(host.Services);
        });
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
        if (host.Services.GetRequiredService<PlanInForce>().Plan.Stdio is { } stdio) _ = StopWithAsync(stdio, lifetime);
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

    private static JunctionPlan Build(IServiceProvider services, ConfigReading reading, JunctionPlan? before = null, (ulong Oldest, ulong Newest)? starts = null) => RelayPlanBuilder.Build(
        reading.Config!, reading.Home, services.GetRequiredService<TimeProvider>(), reading.Instance, services.GetRequiredService<ILogger<LinkService>>(), before, starts);

    private static LogOutput Log(JunctionConfig config, Stream output)
    {
        // People read text, and everything else reads JSON.
        var isText = config.LogFormat is { } format ? format == "text" : !Console.IsOutputRedirected;
        ILogFormat lines = isText ? new TextLog() : new JsonLog();
        return new LogOutput(output, JournalLog.IsHere() ? new JournalLog(lines) : lines, LogWords.Level(config.LogLevel), TimeProvider.System);
    }

    private static IdentityService Identity(IServiceProvider services) => new(
        () => services.GetRequiredService<PlanInForce>().Plan.Stores, () => services.GetRequiredService<PlanInForce>().Plan.Renewal, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<IdentityService>>());

    private static RevocationService Revocation(IServiceProvider services)
    {
        var (links, relays) = (services.GetRequiredService<LinkService>(), services.GetRequiredService<RelayService>());
        var revocation = new RevocationService(
            () => services.GetRequiredService<PlanInForce>().Plan.Revocation, () => relays.Connections.Connections, services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<RevocationService>>());
        links.ReceiveDenyList = revocation.Receive;
        return revocation;
    }

    private static AdminServer Admin(IServiceProvider services) => new(
        () => services.GetRequiredService<PlanInForce>().Plan, services.GetRequiredService<RelayService>(), services.GetRequiredService<LinkService>(),
        services.GetRequiredService<ReloadOutcome>(), services.GetRequiredService<ILogger<AdminServer>>(), services.GetRequiredService<TimeProvider>())
    {
        Inherited = services.GetRequiredService<InheritedSockets>(),
        Log = () => new StatusLog(services.GetRequiredService<LogOutput>().Dropped, services.GetRequiredService<LogOutput>().Failing),
    };

    private static LinkService Links(IServiceProvider services) =>
        new(services.GetRequiredService<PlanInForce>().Plan.Links, services.GetRequiredService<ILogger<LinkService>>())
        {
            Inherited = services.GetRequiredService<InheritedSockets>(),
        };

    private static PeerListeners Listeners(IServiceProvider services)
    {
        var (inForce, relays) = (services.GetRequiredService<PlanInForce>(), services.GetRequiredService<RelayService>());
        return new PeerListeners(
            () => inForce.Plan is { Links: { } links, Peers: { } peers } ? (links, peers) : null, services.GetRequiredService<LinkService>().Streams, relays.Connections, relays.Metrics,
            services.GetRequiredService<ILogger<PeerListeners>>(), services.GetRequiredService<TimeProvider>());
    }

    private static RelayService Relays(IServiceProvider services, Predecessor? predecessor)
    {
        var plan = services.GetRequiredService<PlanInForce>().Plan;
        return new RelayService(
            plan.Relays, plan.DrainTimeout, services.GetRequiredService<ILogger<RelayService>>(), services.GetRequiredService<TimeProvider>(),
            (plan.Peers, services.GetRequiredService<LinkService>().Streams))
        {
            KnownVendors = predecessor?.Vendors ?? [],
            Inherited = services.GetRequiredService<InheritedSockets>(),
        };
    }

    private static SuccessorPort Successors(IServiceProvider services, ConfigReading reading, Predecessor? predecessor) => new(
        reading.Instance, predecessor?.TakePort(), () => services.GetRequiredService<PlanInForce>().Plan, services.GetRequiredService<RelayService>(),
        services.GetRequiredService<LinkService>(), services.GetRequiredService<AdminServer>(), services.GetRequiredService<IHostApplicationLifetime>(),
        services.GetRequiredService<ILogger<SuccessorPort>>());

    private static Reloader Reloads(IServiceProvider services, ConfigReading reading) => new(
        reading, services.GetRequiredService<PlanInForce>(), (next, before) => Build(services, next, before), services.GetRequiredService<RelayService>(),
        services.GetRequiredService<LinkService>(), services.GetRequiredService<ReloadOutcome>(), config => Applied(services, config), ServiceManager.Notify,
        services.GetRequiredService<ILogger<Reloader>>(), services.GetRequiredService<TimeProvider>());

    // What a reload changes outside of relays and links.
    private static void Applied(IServiceProvider services, JunctionConfig config)
    {
        services.GetRequiredService<LogOutput>().Level = LogWords.Level(config.LogLevel);
        services.GetRequiredService<AdminServer>().Reloaded();
        services.GetRequiredService<PeerListeners>().Review();
    }
}
