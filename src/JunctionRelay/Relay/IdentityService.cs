using JunctionRelay.Pki;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>Keeps what this junction is, and whom it trusts, up to date for as long as it runs: also while it drains, since lost links are still resumed then.</summary>
/// <param name="certificates">Those of the plan that runs.</param>
/// <param name="renewal">How our own certificate is kept valid, by that plan; null where somebody else does it.</param>
internal sealed class IdentityService(
    Func<IReadOnlyList<CertificateStore>> certificates, Func<RenewalPlan?> renewal, TimeProvider time, ILogger<IdentityService> log) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CertificateWatch _watch = new(certificates, time, log);
    private Task _running = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.WhenAll(_watch.RunAsync(_stop.Token), RenewAsync());
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
    }

    public void Dispose() => _stop.Dispose();

    // One renewer for as long as the plan says the same of it.
    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(CertificateWatch.Interval, time);
        while (!_stop.IsCancellationRequested)
        {
            var plan = renewal();
            using var changed = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            var renewing = plan is null ? Task.CompletedTask : Renewer(plan).RunAsync(changed.Token);
            while (ReferenceEquals(renewal(), plan) && await TickAsync(timer))
            {
            }

            await changed.CancelAsync();
            await renewing;
        }
    }

    private CertificateRenewer Renewer(RenewalPlan plan) => new(
        plan.Directory, plan.Credentials, plan.From, plan.Client, junction => plan.Links.Towards(junction, EnrolmentServer.Service, []), plan.Own, _watch.LookAtAll, time, log);

    private async Task<bool> TickAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
