using System.Collections.Concurrent;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>The links that did not come about, since the junction started: who was refused and why, and what we dialled in vain. Thread-safe; no number ever falls.</summary>
internal sealed class LinkFailures
{
    /// <summary>The rule by which a peer is refused whom no entry of <c>peers</c> is about.</summary>
    public const string NoEntry = "peers";

    /// <summary>The rule by which a stream is refused whose peer holds as many as it may.</summary>
    public const string MostStreams = "maxStreams";

    private readonly ConcurrentDictionary<string, long> _denied = new();
    private readonly ConcurrentDictionary<(string Link, CloseReason Reason), long> _dials = new();

    /// <summary>Who dialled in and was refused, by the rule that did it: the reason for which a handshake failed, <see cref="NoEntry"/>, or <see cref="MostStreams"/>.</summary>
    public IEnumerable<KeyValuePair<string, long>> Denied => _denied;

    /// <summary>Dials that failed, by link and reason.</summary>
    public IEnumerable<KeyValuePair<(string Link, CloseReason Reason), long>> Dials => _dials;

    public void Deny(string rule) => _denied.AddOrUpdate(rule, 1, static (_, n) => n + 1);

    public void DialFailed(string link, CloseReason reason) => _dials.AddOrUpdate((link, reason), 1, static (_, n) => n + 1);
}
