using System.Net;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;
using JunctionRelay.Relay;

namespace JunctionRelay.App.Admin;

/// <summary>Looks at a running junction and writes down what it sees. It changes nothing and waits for nobody.</summary>
/// <param name="plan">The plan that runs now.</param>
internal sealed class StatusReader(Func<JunctionPlan> plan, RelayService relays, LinkService links, ReloadOutcome reload, TimeProvider time)
{
    /// <summary>A document with more rows helps nobody; metrics count all.</summary>
    public const int MostConnections = 10_000;

    /// <summary>What becomes of the log.</summary>
    public Func<StatusLog>? Log { get; init; }

    private readonly DateTimeOffset _started = time.GetUtcNow();

    /// <summary>The live connections, the oldest first.</summary>
    public IEnumerable<RelayedConnection> Connections => relays.Connections.Connections.OrderByDescending(c => c.Age);

    /// <summary>Those that ended last.</summary>
    public EndedConnections Ended => relays.Connections.Ended;

    /// <summary>Everything; the connections only when <paramref name="withConnections"/>.</summary>
    public StatusDocument Read(bool withConnections)
    {
        var now = time.GetUtcNow();
        var running = plan();
        relays.Connections.CountBytes();
        var totals = relays.Metrics.Relays.ToDictionary();
        var notReady = Readiness.Of(running, relays.State);
        return new StatusDocument
        {
            Name = running.Name,
            Version = JunctionMetrics.Version,
            Process = Environment.ProcessId,
            Started = _started,
            Now = now,
            State = relays.State.ToString().ToLowerInvariant(),
            Ready = notReady is null,
            NotReady = notReady,
            Configuration = new StatusConfiguration(reload.Last.At, reload.Last.Succeeded, reload.Last.Problems),
            Log = Log?.Invoke(),
            Unwritten = [.. running.State.Where(s => s.Failing is not null).Select(s => new StatusUnwritten(s.Kind, s.Path, s.Failing!))],
            ConnectionCount = relays.Connections.Count,
            MostConnections = relays.Connections.Most == int.MaxValue ? null : relays.Connections.Most,
            BytesToTarget = totals.Values.Sum(t => t.ToTarget),
            BytesToClient = totals.Values.Sum(t => t.ToClient),
            Relays = [.. Relays(running, totals)],
            Links = running.Links is { } linked ? Links(linked) : [],
            Certificates = [.. running.Certificates.OrderBy(c => c.NotAfter).Select(c => new StatusCertificate(
                c.Kind, c.File, c.Name, c.Issuer, c.NotBefore.ToUniversalTime(), c.NotAfter.ToUniversalTime(), Math.Round((c.NotAfter - now).TotalDays, 2)))],
            Ends = new StatusEnds(
                totals.Values.SelectMany(t => t.Ended).GroupBy(e => e.Key.Name()).OrderBy(e => e.Key, StringComparer.Ordinal).ToDictionary(e => e.Key, e => e.Sum(n => n.Value)),
                [.. Ended.After(0).Ended.Reverse().Select(Row)]),
            Connections = withConnections ? [.. Connections.Take(MostConnections).Select(c => Row(c, now))] : null,
            Seats = withConnections ? SeatsOf(relays.Connections.Seats) : null,
        };
    }

    /// <summary>One live connection.</summary>
    public static StatusConnection Row(RelayedConnection connection, DateTimeOffset now) => new(
        connection.Id.ToString(), connection.Relay, connection.ClientText, Known(connection.PeerName), Known(connection.TargetName), now - connection.Age,
        connection.IsRelaying ? "relaying" : "opening", connection.BytesToTarget, connection.BytesToClient,
        connection.Holder?.User, connection.Holder?.Host, connection.Holder?.Vendor);

    /// <summary>One that has ended.</summary>
    public static StatusEnd Row(EndedConnection ended) => new(
        ended.At, ended.Id.ToString(), ended.Relay, ended.Client, ended.Peer, ended.Target, ended.ToTarget, ended.ToClient, Math.Round(ended.Age.TotalSeconds, 3),
        ended.Reason.Name(), ended.Detail.Length == 0 ? null : ended.Detail, ended.Holder?.User, ended.Holder?.Host, ended.Holder?.Vendor);

    /// <summary>Seats by vendor, and by who holds them.</summary>
    public static IReadOnlyList<StatusSeats> SeatsOf(IEnumerable<HeldSeat> seats) =>
    [
        .. seats.GroupBy(s => (s.Relay, s.Vendor)).OrderBy(v => v.Key.Relay, StringComparer.Ordinal).ThenBy(v => v.Key.Vendor, StringComparer.Ordinal).Select(vendor => new StatusSeats(
            vendor.Key.Relay, vendor.Key.Vendor, vendor.Count(),
            [
                .. vendor.GroupBy(s => (s.Holder.User, s.Holder.Host, Node: NodeOf(s.Client), s.Peer))
                    .Select(who => new StatusHolder(who.Key.User, who.Key.Host, who.Key.Node, Known(who.Key.Peer), who.Count(), who.Min(s => s.Since)))
                    .OrderBy(who => who.Since).Take(MostConnections),
            ])),
    ];

    // Without the port, which each connection has of its own.
    private static string NodeOf(string client) => IPEndPoint.TryParse(client, out var address) && client.Contains(':') ? address.Address.ToString() : client;

    private IEnumerable<StatusRelay> Relays(JunctionPlan running, Dictionary<string, RelayTotals> totals)
    {
        var addresses = relays.Addresses.ToLookup(a => a.Relay, a => SocketDialer.Text(a.Address));
        foreach (var relay in running.Relays)
        {
            var listen = addresses[relay.Name].ToList();
            yield return Relay(relay.Name, "relay", Ranges(listen), relay.Admission.Most, relay.Services.All.SelectMany(t => t.Targets));
        }

        foreach (var (name, targets) in running.Links?.Services.Services ?? new Dictionary<string, Targets.TargetList>())
            yield return Relay($"service/{name}", "service", [], null, targets.Targets) with { Paused = relays.Paused.Contains(name) || running.Links!.Services.Paused.Contains(name) };

        StatusRelay Relay(string name, string kind, IReadOnlyList<string> listen, int? most, IEnumerable<Targets.TargetHealth> targets)
        {
            var total = totals.GetValueOrDefault(name) ?? new RelayTotals();
            var all = targets.Select(t => new StatusTarget(
                t.Target.Name, t.IsUp, t.IsProbed, t.Active, t.DialFailures.Sum(f => f.Value), t.IsUp || t.Detail.Length == 0 ? null : t.Detail)).ToList();
            return new StatusRelay(
                name, kind, listen, all.Exists(t => t.Up), total.Active, most, total.Ended.Sum(e => e.Value), total.Denied.ToDictionary(), total.ToTarget, total.ToClient, all);
        }
    }

    // A range of fifty ports is one line for people.
    private static List<string> Ranges(List<string> addresses) =>
        addresses.Count <= 4 ? addresses : [addresses[0], $"… {addresses.Count - 2} more …", addresses[^1]];

    private List<StatusLink> Links(LinksPlan running)
    {
        var sessions = running.Directory.All().Where(s => !s.Session.IsEnded).ToList();
        var rows = new List<StatusLink>();
        foreach (var link in running.Dial)
        {
            var its = sessions.Where(s => s.Session.IsDialler && s.Name == link.Peer).ToList();
            var failure = links.LastFailureOf(link.Name);
            rows.AddRange(its.Select(s => Row(link.Name, s.Name, s.Session, failure)));
            if (its.Count == 0) rows.Add(new StatusLink(link.Name, link.Peer, "out", false, null, null, 0, 0, false, null, null, failure ?? "not connected yet"));
        }

        foreach (var (name, session) in sessions.Where(s => !s.Session.IsDialler))
            rows.Add(Row(LinkReadings.EntryOf(running, name) ?? name, name, session, null));
        foreach (var rule in Awaited(running).Where(r => rows.TrueForAll(l => l.Name != r.Pattern && l.Peer != r.Pattern)))
            rows.Add(new StatusLink(rule.Pattern, rule.Pattern, "in", false, null, null, 0, 0, false, null, null, "has not dialled in"));
        return rows;
    }

    // A name, unlike a pattern, is somebody whose absence is news.
    private static IEnumerable<PeerRule> Awaited(LinksPlan running) =>
        running.Listen.Count == 0 ? [] : running.Peers.Rules.Where(r => !r.Pattern.AsSpan().ContainsAny('*', '?'));

    private static StatusLink Row(string link, string peer, LinkSession session, string? failure)
    {
        var up = session.IsUp;
        return new StatusLink(
            link, peer, session.IsDialler ? "out" : "in", up, session.RemoteEndPoint is { } address ? SocketDialer.Text(address) : null,
            session.RoundTrip > TimeSpan.Zero ? Math.Round(session.RoundTrip.TotalSeconds, 6) : null, session.StreamCount, session.Resumes, session.IsPeerDraining,
            up ? null : Math.Round(session.DownFor.TotalSeconds, 1), session.Id.ToString(), up ? null : failure ?? "lost its connection; its streams wait for it");
    }

    private static string? Known(string text) => text == "-" ? null : text;
}
