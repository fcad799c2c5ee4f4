using JunctionRelay.Pki;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>Keeps what this junction is, and whom it trusts, up to date for as long as it runs: also while it drains, since lost links are still resumed then.</summary>
internal sealed class IdentityService(IdentityPlan plan, TimeProvider time, ILogger<IdentityService> log) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var watch = new CertificateWatch(plan.Stores, time, log);
        _running.Add(watch.RunAsync(_stop.Token));
        if (plan.Renewal is { } renewal)
        {
            _running.Add(new CertificateRenewer(
                renewal.Directory, renewal.Credentials, renewal.From, renewal.Client, junction => renewal.Links.Towards(junction, EnrolmentServer.Service, []), renewal.Own, watch.LookAtAll, time, log).RunAsync(_stop.Token));
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
    }

    public void Dispose() => _stop.Dispose();
}
