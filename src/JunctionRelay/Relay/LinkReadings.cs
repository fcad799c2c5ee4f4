using JunctionRelay.Links;

namespace JunctionRelay.Relay;

/// <summary>
/// Sums up the sessions by what the configuration calls a link: an entry of <c>links</c>, or of <c>peers</c> with everybody who dialled in under it. A pattern of names
/// stands for all its nodes, so that there are never more readings than lines in the configuration.
/// </summary>
internal static class LinkReadings
{
    public static IReadOnlyList<LinkReading> Of(LinksPlan plan)
    {
        var (sessions, past) = plan.Directory.Snapshot();
        var readings = new List<LinkReading>();
        foreach (var link in plan.Dial) readings.Add(Read(link.Name, isDialler: true, name => name == link.Peer));
        if (plan.Listen.Count == 0) return readings;

        foreach (var rule in plan.Peers.Rules)
        {
            var reading = Read(rule.Pattern, isDialler: false, name => EntryOf(plan, name) == rule.Pattern);
            // An entry about a junction that we dial says what it may use here; nobody waits for it to dial in.
            if (reading is { IsUp: false, Resumes: 0 } && plan.Dial.Any(d => d.Peer == rule.Pattern)) continue;
            readings.Add(reading);
        }

        return readings;

        LinkReading Read(string link, bool isDialler, Func<string, bool> isOfIt)
        {
            var its = sessions.Where(s => s.Session.IsDialler == isDialler && isOfIt(s.Name)).Select(s => s.Session).ToList();
            var ended = past.Where(p => p.Key.IsDialler == isDialler && isOfIt(p.Key.Name)).Select(p => p.Value).ToList();
            var (resumes, saved) = (ended.Sum(p => p.Resumes) + its.Sum(s => (long)s.Resumes), ended.Sum(p => p.SavedBytes) + its.Sum(s => s.SavedBytes));
            var roundTrip = its.Select(s => s.RoundTrip).DefaultIfEmpty().Max();
            return new LinkReading(link, its.Exists(s => s.IsUp), its.Sum(s => s.StreamCount), roundTrip > TimeSpan.Zero ? roundTrip : null, resumes, saved);
        }
    }

    /// <summary>The entry of <c>peers</c> that a junction by this name dials in under: the first about it. Null when there is none (any more).</summary>
    public static string? EntryOf(LinksPlan plan, string peer) => plan.Peers.Rules.FirstOrDefault(r => r.IsNamed(peer))?.Pattern;
}
