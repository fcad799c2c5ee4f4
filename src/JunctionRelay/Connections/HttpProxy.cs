using System.Net;
using System.Text;

namespace JunctionRelay.Connections;

/// <summary>
/// A corporate HTTP proxy on the way out: CONNECT (RFC 9110, 9.3.6), then the connection's own bytes, end to end through it. It sees host and port, and
/// what is not TLS. Names are resolved by the proxy.
/// </summary>
/// <param name="address">Where it listens.</param>
/// <param name="credentials">Asked anew for every connection: <c>user:password</c> for Basic (RFC 7617), or null for none.</param>
internal sealed class HttpProxy(DnsEndPoint address, Func<string?> credentials)
{
    public DnsEndPoint Address { get; } = address;

    /// <summary>
    /// The proxy for <paramref name="host"/> after the variables that everything else on a machine obeys: <paramref name="httpsProxy"/> is
    /// http://[user:password@]host:port, <paramref name="noProxy"/> a list of host names, domains (with or without a leading dot) and * for all.
    /// Null where there is none.
    /// </summary>
    public static HttpProxy? For(string host, string? httpsProxy, string? noProxy)
    {
        if (string.IsNullOrEmpty(httpsProxy)) return null;
        foreach (var entry in (noProxy ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var domain = entry.TrimStart('.');
            if (entry == "*" || host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase)) return null;
        }

        var text = httpsProxy.Contains("://", StringComparison.Ordinal) ? httpsProxy : "http://" + httpsProxy;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri)) return null;
        var user = uri.UserInfo.Length > 0 ? Uri.UnescapeDataString(uri.UserInfo) : null;
        return new HttpProxy(new DnsEndPoint(uri.DnsSafeHost, uri.Port), () => user);
    }

    /// <summary>A connection to <paramref name="target"/> through the proxy; <paramref name="timeout"/> bounds the dial and the answer, each.</summary>
    public async ValueTask<DialOutcome> ConnectAsync(EndPoint target, SocketDialer dialer, TimeSpan timeout, CancellationToken cancellationToken)
    {
        string? authorization;
        try
        {
            authorization = credentials();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return DialOutcome.Failed(CloseReason.DialRefused, $"proxy {Name}: its credentials cannot be read: {e.Message}");
        }

        var dialled = await dialer.DialAsync(Address, timeout, cancellationToken);
        if (dialled.Connection is not { } connection) return dialled with { Detail = $"proxy {Name}: {dialled.Detail}" };
        var (reason, problem) = await AskAsync(connection, SocketDialer.Text(target), authorization, timeout, cancellationToken);
        if (problem.Length == 0) return DialOutcome.Connected(connection);
        connection.Abort(reason);
        await connection.DisposeAsync();
        return DialOutcome.Failed(reason, $"proxy {Name} {problem}");
    }

    private string Name => SocketDialer.Text(Address);

    // No problem: the rest of the connection is the target's.
    private static async Task<(CloseReason Reason, string Problem)> AskAsync(
        Connection connection, string target, string? credentials, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            var authorization = credentials is null ? "" : $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials))}\r\n";
            await connection.Output.WriteAsync(Encoding.UTF8.GetBytes($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n"), deadline.Token);
            var answer = await ReadAnswerAsync(connection, deadline.Token);
            return answer.Status is >= 200 and < 300 ? (default, "") : (ReasonOf(answer.Status), $"answered \"{answer.Line}\" to CONNECT {target}{Remedy(answer.Status)}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (CloseReason.DialTimeout, $"did not answer within {timeout.TotalSeconds:0} s");
        }
        catch (ConnectionBrokenException broken)
        {
            return (CloseReason.DialRefused, $"broke the connection: {broken.Message}");
        }
    }

    private static async Task<HttpProxyAnswer> ReadAnswerAsync(Connection connection, CancellationToken cancellationToken)
    {
        var answer = new HttpProxyAnswer();
        while (true)
        {
            var read = await connection.Input.ReadAsync(cancellationToken);
            var taken = answer.Take(read.Buffer.FirstSpan);
            connection.Input.AdvanceTo(read.Buffer.GetPosition(taken));
            if (answer.IsComplete || read.IsCompleted) return answer;
        }
    }

    private static CloseReason ReasonOf(int status) => status is 408 or 504 ? CloseReason.DialTimeout : CloseReason.DialRefused;

    private static string Remedy(int status) => status switch
    {
        407 => ": give user:password (viaCredentials, or in HTTPS_PROXY)",
        403 => ": it does not permit this host or port",
        _ => "",
    };
}
