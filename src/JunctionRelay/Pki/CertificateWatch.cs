using Microsoft.Extensions.Logging;

namespace JunctionRelay.Pki;

/// <summary>Looks at the files of all stores now and then, and tells what became of them.</summary>
/// <param name="stores">Those that are in use now.</param>
internal sealed class CertificateWatch(Func<IReadOnlyList<CertificateStore>> stores, TimeProvider time, ILogger log)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _looking = new();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
                LookAtAll();
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    /// <summary>One look at all of them. Thread-safe: whoever has written a file need not wait for the next.</summary>
    public void LookAtAll()
    {
        lock (_looking)
        {
            foreach (var store in stores())
            {
                var (news, detail) = store.Look();
                if (news == CertificateStore.News.Replaced)
                    log.CertificateReplaced(store.Name, detail);
                else if (news == CertificateStore.News.Broken)
                    log.CertificateKept(store.Name, detail);
            }
        }
    }
}
