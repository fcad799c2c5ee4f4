using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// Renews the TLS connections of all sessions when our certificate or trust is replaced, so that each peer is judged by what holds now and judges us by it. A
/// link is resumed over a fresh connection, which its streams do not notice; those that peers dialled take turns, since each costs a handshake.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a SemaphoreSlim whose wait handle is never asked for holds nothing")]
internal sealed class LinkRotation(LinkDirectory directory, TlsCredentials credentials, LinkOptions options)
{
    /// <summary>All sessions have a fresh connection within this, or within a tenth of what the certificate has left.</summary>
    public static readonly TimeSpan LongestSpread = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _replaced = new(0);
    private X509Certificate2Collection? _trust = credentials.Now.Trust;

    private TimeProvider Time => options.Time;

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
        var trust = credentials.Now.Trust;
        var insists = _trust is not null && (trust is null || _trust.Any(authority => !trust.Contains(authority)));
        _trust = trust;
        var sessions = directory.All().Select(s => (s.Session, s.Session.Resumes)).ToList();
        foreach (var (session, _) in sessions.Where(s => s.Session.IsDialler))
            session.RequestRotation();
        var others = sessions.FindAll(s => !s.Session.IsDialler);
        var pause = Spread() / Math.Max(1, others.Count);
        for (var i = 0; i < others.Count; i++)
        {
            if (i > 0)
                await Task.Delay(pause, Time, stop);
            // What was resumed meanwhile has what it needs.
            if (others[i].Session.Resumes == others[i].Resumes && !others[i].Session.IsEnded)
                others[i].Session.RequestRotation();
        }

        if (insists)
            await InsistAsync(sessions, stop);
    }

    // The old connection would go on for ever: it was judged by the old trust. Its session waits for a better one, for as long as it may.
    private async Task InsistAsync(List<(LinkSession Session, int Resumes)> sessions, CancellationToken stop)
    {
        await Task.Delay(options.RotationGrace, Time, stop);
        foreach (var (session, resumes) in sessions)
        {
            if (session.Resumes == resumes && !session.IsEnded)
                await session.StopTransportAsync();
        }
    }

    private TimeSpan Spread()
    {
        if (credentials.Now.Identity is not { } identity)
            return TimeSpan.Zero;
        var tenth = (identity.Certificate.NotAfter.ToUniversalTime() - Time.GetUtcNow()) / 10;
        return tenth > LongestSpread ? LongestSpread : tenth > TimeSpan.Zero ? tenth : TimeSpan.Zero;
    }

    private void Wake()
    {
        if (_replaced.CurrentCount == 0)
            _replaced.Release();
    }
}
