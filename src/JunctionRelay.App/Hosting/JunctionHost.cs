using JunctionRelay.App.Admin;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace JunctionRelay.App.Hosting;

/// <summary>The whole composition of a running junction.</summary>
internal static class JunctionHost
{
    /// <summary>Runs until told to stop and drained.</summary>
    /// <exception cref="ListenException">An address cannot be listened on.</exception>
    /// <param name="build">Makes the plan; the log is for its links.</param>
    public static async Task RunAsync(Func<ILogger, JunctionPlan> build)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        // A console that nobody reads must not stop the relaying: lines are dropped instead.
        builder.Logging.AddConsole(o => (o.FormatterName, o.QueueFullMode) = (LogLine.FormatterName, ConsoleLoggerQueueFullMode.DropWrite));
        builder.Logging.AddFilter("Microsoft", LogLevel.None);
        builder.Services.AddSingleton<ConsoleFormatter, LogLine>();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(s => build(s.GetRequiredService<ILogger<LinkService>>()));
        builder.Services.AddSingleton(s => new ReloadOutcome(s.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(Links);
        builder.Services.AddSingleton(Relays);
        // Stopped in the opposite order: the relays drain while the links still carry them, and while somebody may watch.
        builder.Services.AddHostedService(Identity);
        builder.Services.AddHostedService(Admin);
        builder.Services.AddHostedService(s => s.GetRequiredService<LinkService>());
        builder.Services.AddHostedService(s => s.GetRequiredService<RelayService>());
        builder.Services.AddSingleton<IHostLifetime, Signals>();
        // The drain has a limit of its own.
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = Timeout.InfiniteTimeSpan);

        using var host = builder.Build();
        await host.RunAsync();
    }

    private static IdentityService Identity(IServiceProvider services) => new(
        services.GetRequiredService<JunctionPlan>().Stores, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<IdentityService>>());

    private static AdminServer Admin(IServiceProvider services) => new(
        services.GetRequiredService<JunctionPlan>, services.GetRequiredService<RelayService>(), services.GetRequiredService<LinkService>(),
        services.GetRequiredService<ReloadOutcome>(), services.GetRequiredService<ILogger<AdminServer>>(), services.GetRequiredService<TimeProvider>());

    private static LinkService Links(IServiceProvider services) =>
        new(services.GetRequiredService<JunctionPlan>().Links, services.GetRequiredService<ILogger<LinkService>>());

    private static RelayService Relays(IServiceProvider services)
    {
        var plan = services.GetRequiredService<JunctionPlan>();
        return new RelayService(
            plan.Relays, plan.DrainTimeout, services.GetRequiredService<ILogger<RelayService>>(), services.GetRequiredService<TimeProvider>(),
            plan.Peers is null ? null : (plan.Peers, services.GetRequiredService<LinkService>().Streams));
    }
}
