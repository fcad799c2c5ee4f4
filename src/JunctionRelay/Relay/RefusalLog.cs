using System.Net;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Relay;

/// <summary>Tells of refused clients at most once a second per relay and reason, so that a flood does not become a flood of lines.</summary>
internal sealed class RefusalLog(ILogger log, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Relay, CloseReason Reason), (long Last, long Count)> _seen = [];   // under _lock

    public void Refused(string relay, EndPoint? client, CloseReason reason)
    {
        long count;
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var known = _seen.TryGetValue((relay, reason), out var seen);
            count = seen.Count + 1;
            var quiet = known && time.GetElapsedTime(seen.Last, now) < TimeSpan.FromSeconds(1);
            _seen[(relay, reason)] = quiet ? (seen.Last, count) : (now, 0);
            if (quiet) return;
        }

        log.ConnectionRefused(relay, client is null ? "unix" : SocketDialer.Text(client), reason.Name(), count);
    }
}
