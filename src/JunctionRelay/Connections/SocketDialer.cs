using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Connections;

/// <summary>
/// Connects to a TCP host and port or a unix socket. A name is resolved at every dial, so that a moved name is followed, and all of its
/// addresses are tried, the families in turn, each a moment after the one before (happy eyeballs, RFC 8305).
/// </summary>
internal sealed class SocketDialer(SocketSettings settings, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
{
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve = resolve ?? Dns.GetHostAddressesAsync;

    // Questions that wait for their answer. The framework asks for one name once at a time, one after the other: in a burst of jobs the last
    // would wait for all the questions before it.
    private readonly ConcurrentDictionary<string, Task<IPAddress[]>> _asked = new();

    /// <summary>"Connection Attempt Delay", RFC 8305 section 5.</summary>
    public static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>A name with more addresses than this is tried by its first ones.</summary>
    private const int MostAddresses = 16;

    /// <summary>Connects within <paramref name="timeout"/>, counted over resolution and all addresses.</summary>
    /// <param name="permits">Which of the target's addresses may be dialled; null = all. What is left out is not touched.</param>
    public async ValueTask<DialOutcome> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancellationToken, Func<IPAddress, bool>? permits = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        var resolving = false;
        try
        {
            if (target is IPEndPoint ip && permits?.Invoke(ip.Address) == false) return NotPermitted(target);
            if (target is not DnsEndPoint named) return await ConnectAsync(target, deadline.Token);

            resolving = true;
            var resolved = await ResolveAsync(named.Host, deadline.Token);
            resolving = false;
            if (resolved.Length == 0) return DialOutcome.Failed(CloseReason.DialUnresolved, $"{named.Host} has no address");
            var addresses = InOrder(permits is null ? resolved : [.. resolved.Where(permits)]);
            if (addresses.Count == 0) return NotPermitted(target);
            return await RaceAsync(addresses.ConvertAll(a => new IPEndPoint(a, named.Port)), deadline.Token);
        }
        catch (SocketException e) when (target is DnsEndPoint named)
        {
            return DialOutcome.Failed(CloseReason.DialUnresolved, $"{named.Host} does not resolve: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            if (cancellationToken.IsCancellationRequested) return DialOutcome.Failed(CloseReason.Stopping, "dialling was given up");
            return resolving && target is DnsEndPoint asked
                ? DialOutcome.Failed(CloseReason.DialUnresolved, $"the name servers did not answer for {asked.Host} within {timeout.TotalSeconds:0.###} s")
                : DialOutcome.Failed(CloseReason.DialTimeout, $"{Text(target)} did not answer within {timeout.TotalSeconds:0.###} s");
        }
    }

    /// <summary>How addresses look in messages.</summary>
    public static string Text(EndPoint endPoint) => endPoint switch
    {
        DnsEndPoint named => $"{named.Host}:{named.Port}",
        UnixDomainSocketEndPoint unix => $"unix:{unix}",
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => $"{mapped.Address.MapToIPv4()}:{mapped.Port}",
        _ => endPoint.ToString()!,
    };

    private static DialOutcome NotPermitted(EndPoint target) => DialOutcome.Failed(CloseReason.NotPermitted, $"{Text(target)} may not be dialled");

    // The system's resolver cannot be cancelled once it has begun: then it is left to itself.
    private Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken) => AskAsync(host).WaitAsync(cancellationToken);

    private static List<IPAddress> InOrder(IPAddress[] addresses)
    {
        if (addresses.Length == 0) return [];
        // RFC 8305 section 4: keep the resolver's order within a family, interleave the families, start with the one it put first.
        var first = addresses.Where(a => a.AddressFamily == addresses[0].AddressFamily).ToArray();
        var second = addresses.Where(a => a.AddressFamily != addresses[0].AddressFamily).ToArray();
        var order = new List<IPAddress>();
        for (var i = 0; i < Math.Max(first.Length, second.Length); i++)
        {
            if (i < first.Length) order.Add(first[i]);
            if (i < second.Length) order.Add(second[i]);
        }

        return order.Count > MostAddresses ? order[..MostAddresses] : order;
    }

    private Task<IPAddress[]> AskAsync(string host)
    {
        while (true)
        {
            if (_asked.TryGetValue(host, out var pending)) return pending;
            var mine = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_asked.TryAdd(host, mine.Task)) continue;
            _ = AnswerAsync(host, mine);
            return mine.Task;
        }
    }

    private async Task AnswerAsync(string host, TaskCompletionSource<IPAddress[]> asked)
    {
        try
        {
            var addresses = await _resolve(host, CancellationToken.None);
            _asked.TryRemove(host, out _);
            asked.SetResult(addresses);
        }
        catch (Exception e)
        {
            _asked.TryRemove(host, out _);
            asked.SetException(e);
            // Everyone who asked may have given up.
            _ = asked.Task.Exception;
        }
    }

    private async Task<DialOutcome> RaceAsync(List<IPEndPoint> addresses, CancellationToken cancellationToken)
    {
        if (addresses.Count == 1) return await ConnectAsync(addresses[0], cancellationToken);

        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempts = new List<Task<DialOutcome>>();
        var failures = new List<DialOutcome>();
        var next = 0;
        DialOutcome winner = default;
        while (winner.Connection is null && (next < addresses.Count || attempts.Count > 0))
        {
            if (next < addresses.Count) attempts.Add(ConnectAsync(addresses[next++], losers.Token));
            var someone = Task.WhenAny(attempts);
            if (next < addresses.Count) await Task.WhenAny(someone, Task.Delay(AttemptDelay, losers.Token));
            else await someone;

            foreach (var done in attempts.FindAll(a => a.IsCompleted))
            {
                attempts.Remove(done);
                var outcome = await EndedAsync(done);
                if (outcome.Connection is null) failures.Add(outcome);
                else if (winner.Connection is null) winner = outcome;
                else outcome.Connection.Abort(CloseReason.Stopping);
            }
        }

        await losers.CancelAsync();
        foreach (var attempt in attempts) (await EndedAsync(attempt)).Connection?.Abort(CloseReason.Stopping);
        if (winner.Connection is not null) return winner;
        cancellationToken.ThrowIfCancellationRequested();
        return failures[0] with { Detail = string.Join("; ", failures.Select(f => f.Detail)) };
    }

    // A loser that was cancelled is no failure to report.
    private static async Task<DialOutcome> EndedAsync(Task<DialOutcome> attempt)
    {
        try
        {
            return await attempt;
        }
        catch (OperationCanceledException)
        {
            return DialOutcome.Failed(CloseReason.DialTimeout, "given up");
        }
    }

    private async Task<DialOutcome> ConnectAsync(EndPoint address, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        try
        {
            socket = address is UnixDomainSocketEndPoint
                ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                : new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            settings.Apply(socket);
            // The system gives our end of the connection any port: a vendor daemon's, perhaps, which we may have to listen on one day.
            if (OperatingSystem.IsLinux() && socket.ProtocolType == ProtocolType.Tcp) SocketListener.SharePort(socket, true);
            await socket.ConnectAsync(address, cancellationToken);
            return DialOutcome.Connected(new SocketConnection(socket));
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            return DialOutcome.Failed(ReasonOf(e.SocketErrorCode), $"{Text(address)}: {e.Message}");
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    private static CloseReason ReasonOf(SocketError error) => error switch
    {
        SocketError.TimedOut => CloseReason.DialTimeout,
        SocketError.TooManyOpenSockets => CloseReason.OutOfDescriptors,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.HostDown
            or SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported or SocketError.AccessDenied
            or SocketError.InvalidArgument => CloseReason.DialUnreachable,   // the last: a blackhole route of this machine
        _ => CloseReason.DialRefused,
    };
}
