using System.Net;
using System.Net.Sockets;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Admin;

/// <summary>
/// The admin endpoint's life, beside the relaying and never in its way: an address that cannot be listened on is tried again, and nobody waits for it. It stops last, so that a
/// drain can be watched. Kestrel is loaded only where the configuration has an admin endpoint.
/// </summary>
/// <param name="plan">The plan that runs now.</param>
internal sealed class AdminServer(
    Func<JunctionPlan> plan, RelayService relays, LinkService links, ReloadOutcome reload, ILogger<AdminServer> log, TimeProvider time) : IHostedService, IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection may ask nothing, from its first moment on.</summary>
    public static readonly TimeSpan SilentFor = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _reloads = new(0);
    private Task _running = Task.CompletedTask;
    private volatile Socket? _inherited;   // used once
    private volatile Socket? _listening;
    private string? _file;   // of a unix socket that we made
    private volatile bool _isGivenAway;

    /// <summary>Sockets that listen already, one of them perhaps for us.</summary>
    public InheritedSockets? Inherited { get; init; }

    /// <summary>What becomes of the log, for the status.</summary>
    public Func<StatusLog>? Log { get; init; }

    /// <summary>Where it listens; null while it does not.</summary>
    public EndPoint? EndPoint { get; private set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (plan().Admin is { } admin) _inherited = Inherited?.Take(admin.EndPoint);
        _running = RunAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
    }

    /// <summary>The socket that it answers at, or is about to.</summary>
    public Socket? Listening => _listening ?? _inherited;

    /// <summary>Another process answers in our place.</summary>
    public void GiveAway()
    {
        _isGivenAway = true;
        if (Listening is { } socket) SocketListener.MarkAsShared(socket.SafeHandle);
        _stop.Cancel();
    }

    /// <summary>Another plan runs: if it has the endpoint elsewhere, it moves there.</summary>
    public void Reloaded() => _reloads.Release();

    public void Dispose()
    {
        _stop.Dispose();
        _reloads.Dispose();
    }

    private async Task RunAsync()
    {
        // Nothing of this on the thread that starts the relays.
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            var admin = plan().Admin;
            using var serving = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            var running = admin is null ? Task.CompletedTask : RunAsync(admin, serving.Token);
            await UntilOtherAsync(admin);
            await serving.CancelAsync();
            await running;
        }

        // Told to stop before it came to that.
        _inherited?.Dispose();
    }

    private async Task UntilOtherAsync(AdminPlan? admin)
    {
        try
        {
            while (ReferenceEquals(plan().Admin, admin)) await _reloads.WaitAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    private async Task RunAsync(AdminPlan admin, CancellationToken stop)
    {
        using var quiet = new QuietThread();
        var history = new TrafficHistory(relays, quiet, time);
        var sampling = history.RunAsync(stop);
        using var process = new ProcessMetrics();
        using var junction = new JunctionMetrics(reload, () => plan().Certificates, () => plan().State);
        using var readings = new MeterReadings();
        var reader = new StatusReader(plan, relays, links, reload, time) { Log = Log };
        var endpoint = new AdminEndpoint(plan, relays, reader, new StatusFeed(reader, history, quiet, time), readings, new AdminAccess(admin, log, time), quiet, log, time);
        for (var told = false; !stop.IsCancellationRequested; told = true)
        {
            if (await ServeAsync(admin, endpoint, stop) is not { } error) continue;
            if (!told) log.AdminNotListening(SocketDialer.Text(admin.EndPoint), error, RetryInterval.TotalSeconds);
            await DelayAsync(RetryInterval, stop);
        }

        await sampling;
    }

    // Until told to stop; returns at once with the reason when the address cannot be listened on.
    private async Task<string?> ServeAsync(AdminPlan admin, AdminEndpoint endpoint, CancellationToken stop)
    {
        var app = Build(admin, endpoint);
        await using (app)
        {
            try
            {
                await app.StartAsync(CancellationToken.None);
            }
            catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
            {
                _listening?.Dispose();
                Closed();
                return (e.InnerException?.InnerException ?? e.InnerException ?? e).Message;
            }

            EndPoint = _listening!.LocalEndPoint;
            log.AdminListening((admin.Tls is null ? "" : "tls://") + SocketDialer.Text(EndPoint!));
            await DelayAsync(Timeout.InfiniteTimeSpan, stop);
            EndPoint = null;
            using var insist = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
            // Pages that watch would hold it for ever.
            await app.StopAsync(insist.Token);
            Closed();
        }

        return null;
    }

    // Whoever made the socket owns its file, unless somebody else answers there now.
    private void Closed()
    {
        _listening = null;
        if (_file is not null && !_isGivenAway) File.Delete(_file);
        _file = null;
    }

    private WebApplication Build(AdminPlan admin, AdminEndpoint endpoint)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var visitors = new AdminVisitors();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        // Our own signals are the junction's business, not this server's.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = address =>
        {
            // In this order: who takes our place finds it under one of the two names.
            _listening = _inherited ?? Bind(address);
            _inherited = null;
            return _listening;
        });
        builder.WebHost.ConfigureKestrel(o => Configure(o, admin, visitors));
        var app = builder.Build();
        app.Run(context => visitors.AnswerAsync(context, endpoint.HandleAsync));
        return app;
    }

    private static void Configure(KestrelServerOptions options, AdminPlan admin, AdminVisitors visitors)
    {
        options.AddServerHeader = false;
        // Requests are a line and a few headers; readers that are slow are cut off by Kestrel's own minimum rate.
        options.Limits.MaxRequestBodySize = 0;
        options.Limits.MaxRequestLineSize = 4 * 1024;
        options.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        options.Limits.RequestHeadersTimeout = SilentFor;
        options.Limits.KeepAliveTimeout = SilentFor;
        options.Listen(admin.EndPoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(visitors.Around);
            if (admin.Tls is { } tls) listen.UseHttps(AdminTls.Options(tls, admin.AllowNames));
        });
    }

    private Socket Bind(EndPoint address)
    {
        if (address is not UnixDomainSocketEndPoint unix) return SocketTransportOptions.CreateDefaultBoundListenSocket(address);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        // Nobody can connect before Kestrel listens.
        UnixSocketFile.Bind(socket, unix, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _file = unix.ToString();
        return socket;
    }

    private async Task DelayAsync(TimeSpan delay, CancellationToken stop)
    {
        try
        {
            await Task.Delay(delay, time, stop);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at the token, or has waited for this.
        }
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
