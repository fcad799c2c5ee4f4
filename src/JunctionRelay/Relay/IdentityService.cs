using JunctionRelay.Pki;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>Keeps what this junction is, and whom it trusts, up to date for as long as it runs: also while it drains, since lost links are still resumed then.</summary>
/// <param name="certificates">Those of the plan that runs.</param>
internal sealed class IdentityService(Func<IReadOnlyList<CertificateStore>> certificates, TimeProvider time, ILogger<IdentityService> log) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = new CertificateWatch(certificates, time, log).RunAsync(_stop.Token);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
    }

    public void Dispose() => _stop.Dispose();
}
