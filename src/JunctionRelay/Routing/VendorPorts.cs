using JunctionRelay.Targets;

namespace JunctionRelay.Routing;

/// <summary>A vendor daemon's port, as a redirect named it.</summary>
internal sealed class LearntPort(ITarget server, int port, TimeProvider time)
{
    /// <summary>The license server that named it, as it was dialled.</summary>
    public ITarget Server => server;

    public int Port => port;

    /// <summary>Where its connections go: the same server, that port.</summary>
    public TargetList Targets { get; } = new([new TargetHealth(server.AtPort(port), probed: false)], Balance.Failover, TimeSpan.Zero, time);

    /// <summary>The daemons that are there, by the names that clients asked for; under the table's lock.</summary>
    public HashSet<string> Vendors { get; } = new(StringComparer.Ordinal);

    /// <summary>When it was last named or used; under the table's lock.</summary>
    public long LastUsed { get; set; } = time.GetTimestamp();

    /// <summary>Connections go to it now, or are about to.</summary>
    public bool IsInUse => Targets.Targets[0].Load > 0;
}

/// <summary>What came of a redirect.</summary>
/// <param name="Port">The port; null when it may not be dialled.</param>
/// <param name="IsNew">It was not known before.</param>
/// <param name="Left">The ports that are nobody's any more: the one that the same daemon had before, or one that made room.</param>
/// <param name="Refusal">Why it may not be dialled, for people.</param>
internal readonly record struct PortLearning(LearntPort? Port, bool IsNew, IReadOnlyList<LearntPort> Left, string Refusal = "");

/// <summary>
/// The vendor ports of one followed relay or service: those that redirects of its own servers have named, and no other, may be dialled. Keyed by server and
/// vendor, so that a daemon that starts again on another port takes its old one with it; forgotten when nobody names or uses them any more. Thread-safe.
/// </summary>
/// <param name="allowed">The ranges in which a port must be to be learnt at all.</param>
internal sealed class VendorPorts(IReadOnlyList<(int First, int Last)> allowed, TimeProvider time)
{
    /// <summary>An lmgrd serves a handful of vendors; a client that makes up names must not fill the memory, nor open ports without end.</summary>
    public const int MostPorts = 32;

    /// <summary>How long a port stays that nobody uses: a client dials at once, and may come back for a while without asking lmgrd again.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<int, LearntPort> _ports = [];   // under _lock
    private bool _isLost;   // under _lock

    /// <summary>What is known now.</summary>
    public IReadOnlyList<LearntPort> All
    {
        get
        {
            lock (_lock) return [.. _ports.Values];
        }
    }

    /// <summary>A redirect of <paramref name="server"/> sends clients of <paramref name="vendor"/> to <paramref name="port"/>.</summary>
    public PortLearning Learn(ITarget server, string vendor, int port)
    {
        if (!allowed.Any(range => port >= range.First && port <= range.Last))
            return new PortLearning(null, false, [], $"vendor daemon {vendor} is at port {port}, which is not in vendorPorts ({string.Join(", ", allowed.Select(Text))})");
        lock (_lock)
        {
            _isLost = false;
            var left = new List<LearntPort>();
            if (_ports.Values.FirstOrDefault(p => p.Port != port && p.Server.Name == server.Name && p.Vendors.Contains(vendor)) is { } before)
            {
                before.Vendors.Remove(vendor);
                if (before.Vendors.Count == 0) Leave(before, left);
            }

            var isNew = !_ports.TryGetValue(port, out var learnt) || learnt.Server.Name != server.Name;
            if (isNew)
            {
                if (_ports.Count >= MostPorts && !_ports.ContainsKey(port))
                {
                    if (_ports.Values.Where(p => !p.IsInUse).MinBy(p => p.LastUsed) is not { } oldest)
                        return new PortLearning(null, false, left, $"{MostPorts} vendor ports are in use, the most that one relay has");
                    Leave(oldest, left);
                }

                _ports[port] = learnt = new LearntPort(server, port, time);
            }

            learnt!.Vendors.Add(vendor);
            learnt.LastUsed = time.GetTimestamp();
            return new PortLearning(learnt, isNew, left);
        }
    }

    /// <summary>Where connections to <paramref name="port"/> go; null unless a redirect has named it.</summary>
    public TargetList? Find(int port)
    {
        lock (_lock)
        {
            if (!_ports.TryGetValue(port, out var learnt)) return null;
            learnt.LastUsed = time.GetTimestamp();
            return learnt.Targets;
        }
    }

    /// <summary>Forgets what other servers than these have named, and returns it.</summary>
    public IReadOnlyList<LearntPort> Keep(IReadOnlySet<string> servers)
    {
        lock (_lock)
        {
            var left = _ports.Values.Where(p => !servers.Contains(p.Server.Name)).ToList();
            foreach (var port in left) _ports.Remove(port.Port);
            return left;
        }
    }

    /// <summary>Where connections to the daemon of <paramref name="vendor"/> at the license server <paramref name="server"/> go now, whatever its port; null where none is known.</summary>
    public TargetList? Find(string server, string vendor)
    {
        lock (_lock)
        {
            if (_ports.Values.FirstOrDefault(p => p.Server.Name == server && p.Vendors.Contains(vendor)) is not { } learnt) return null;
            learnt.LastUsed = time.GetTimestamp();
            return learnt.Targets;
        }
    }

    /// <summary>Whether a redirect has sent clients of this vendor anywhere.</summary>
    public bool Knows(string vendor)
    {
        lock (_lock) return _ports.Values.Any(p => p.Vendors.Contains(vendor));
    }

    /// <summary>Whether a port of this daemon is known, without keeping it any longer for that.</summary>
    public bool Knows(string server, string vendor)
    {
        lock (_lock) return _ports.Values.Any(p => p.Server.Name == server && p.Vendors.Contains(vendor));
    }

    /// <summary>Forgets what nobody has named or used for <see cref="Linger"/>, and returns it.</summary>
    public IReadOnlyList<LearntPort> Expire()
    {
        lock (_lock)
        {
            foreach (var port in _ports.Values.Where(p => p.IsInUse)) port.LastUsed = time.GetTimestamp();
            var expired = _ports.Values.Where(p => time.GetElapsedTime(p.LastUsed) >= Linger).ToList();
            foreach (var port in expired) _ports.Remove(port.Port);
            return expired;
        }
    }

    /// <summary>A conversation could not be followed; true when that is worth telling, since none was lost since the last redirect.</summary>
    public bool Lost()
    {
        lock (_lock) return !_isLost && (_isLost = true);
    }

    private void Leave(LearntPort port, List<LearntPort> left)
    {
        _ports.Remove(port.Port);
        left.Add(port);
    }

    private static string Text((int First, int Last) range) => range.First == range.Last ? $"{range.First}" : $"{range.First}-{range.Last}";
}
