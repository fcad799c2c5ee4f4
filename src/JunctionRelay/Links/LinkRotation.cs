using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// Renews the TLS connections of all sessions when our certificate or trust is replaced, so that each peer is judged by what holds now and judges us by it. A
/// link is resumed over a fresh connection, which its streams do not notice; those that peers dialled take turns, since each costs a handshake.
/// </summary>
internal sealed class LinkRotation(LinkDirectory directory, TlsCredentials credentials, TimeProvider time)
{
    /// <summary>All sessions have a fresh connection within this, or within a tenth of what the certificate has left.</summary>
    public static readonly TimeSpan LongestSpread = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _replaced = new(0);

    /// <summary>Runs until <paramref name="stop"/>.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        credentials.Replaced += Wake;
        try
        {
            while (true)
            {
                await _replaced.WaitAsync(stop);
                await RotateAllAsync(stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
        finally
        {
            credentials.Replaced -= Wake;
        }
    }

    private async Task RotateAllAsync(CancellationToken stop)
    {
        var sessions = directory.All().Select(s => (s.Session, s.Session.Resumes)).ToList();
        foreach (var (session, _) in sessions.Where(s => s.Session.IsDialler))
            session.RequestRotation();
        var others = sessions.FindAll(s => !s.Session.IsDialler);
        var pause = Spread() / Math.Max(1, others.Count);
        for (var i = 0; i < others.Count; i++)
        {
            if (i > 0)
                await Task.Delay(pause, time, stop);
            // What was resumed meanwhile has what it needs.
            if (others[i].Session.Resumes == others[i].Resumes && !others[i].Session.IsEnded)
                others[i].Session.RequestRotation();
        }
    }

    private TimeSpan Spread()
    {
        if (credentials.Now.Identity is not { } identity)
            return TimeSpan.Zero;
        var tenth = (identity.Certificate.NotAfter.ToUniversalTime() - time.GetUtcNow()) / 10;
        return tenth > LongestSpread ? LongestSpread : tenth > TimeSpan.Zero ? tenth : TimeSpan.Zero;
    }

    private void Wake()
    {
        if (_replaced.CurrentCount == 0)
            _replaced.Release();
    }
}
