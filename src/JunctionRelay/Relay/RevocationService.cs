using System.Diagnostics.CodeAnalysis;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>
/// Makes a revocation count while everything runs: looks at the authority's list, tells the peers, and ends what the revoked have open. All that every second, and
/// at once when a list arrives, so that what slipped in between two looks is found by the next.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a SemaphoreSlim whose wait handle is never asked for holds nothing")]
internal sealed class RevocationService(
    Func<RevocationPlan> plan, Func<IEnumerable<RelayedConnection>> connections, TimeProvider time, ILogger<RevocationService> log) : IHostedService
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _news = new(0);
    private readonly RunningTasks _exchanging = new();
    private readonly DenyListExchange _exchange = new(plan().Lists, plan().Links, plan().Directory, time, log);
    private Task _running = Task.CompletedTask;
    private string? _seen;   // the file's text
    private string? _said;

    private DenyLists Lists => plan().Lists;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        ReadKept();
        // Before the first client: who is revoked must not find a gap at each start.
        Read();
        Lists.Changed += Wake;
        _running = RunAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Lists.Changed -= Wake;
        await _stop.CancelAsync();
        await _running;
        await _exchanging.WhenAllAsync();
    }

    /// <summary>Serves the stream in which a peer gives its list.</summary>
    public void Receive(LinkStream stream) => _exchanging.Add(_exchange.ReceiveAsync(stream));

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                // An authority that is trusted again is heard again.
                if (Lists.Prune()) _seen = null;
                ReadKept();
                Read();
                foreach (var sending in _exchange.Send()) _exchanging.Add(sending);
                End();
                // What could not be written is tried again at each look: a disk is not full for ever.
                if (await WaitAsync()) Keep(isNew: true);
                else if (Lists is { KeptIn: not null, Written.Failing: not null }) Keep(isNew: false);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    // True when a list has changed.
    private async Task<bool> WaitAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var timer = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), patience, Interval, Timeout.InfiniteTimeSpan);
        try
        {
            await _news.WaitAsync(patience.Token);
            return true;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Read()
    {
        if (plan().File is not { } file) return;
        try
        {
            var text = File.Exists(file) ? File.ReadAllText(file) : null;
            if (text == _seen || text is null) return;
            _seen = text;
            if (Lists.Offer(text, out var wrong) is { } list) log.DenyListTaken(list.Number, list.Entries.Count, file);
            else if (wrong is not null) log.DenyListRefused(file, wrong);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Say(e.Message);
        }
    }

    private void ReadKept()
    {
        try
        {
            foreach (var problem in Lists.ReadKept()) log.DenyListRefused("the identity directory", problem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (e.Message != _said) log.DenyListRefused("the identity directory", _said = e.Message);
        }
    }

    private void Keep(bool isNew)
    {
        var wasFailing = Lists.Written.Failing is not null;
        try
        {
            Lists.Keep();
            if (wasFailing && Lists.Written.Failing is null) log.DenyListKept();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (isNew) log.DenyListNotKept(e.Message);
        }
    }

    private void End()
    {
        var denied = Lists.Now;
        if (denied.IsEmpty) return;
        foreach (var (name, session) in plan().Directory.All())
        {
            if (session.Peer is not { } peer || session.IsEnded || denied.Objection(peer) is not { } objection) continue;
            log.RevokedLink(name, session.StreamCount, objection);
            _exchanging.Add(session.CloseAsync(CloseReason.CertificateRevoked, objection));
        }

        foreach (var connection in connections())
        {
            if (connection.Objection(denied) is null) continue;
            connection.Abort(CloseReason.CertificateRevoked);
        }
    }

    private void Say(string problem)
    {
        if (problem == _said) return;
        _said = problem;
        log.DenyListRefused(plan().File!, problem);
    }

    private void Wake() => _news.Release();
}
