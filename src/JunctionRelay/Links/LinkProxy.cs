using System.Buffers;
using System.Net;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>
/// A corporate HTTP proxy on the way out of the enterprise: CONNECT (RFC 9110, 9.3.6), then TLS end to end through it. It sees host and port, nothing else.
/// </summary>
/// <param name="address">Where it listens.</param>
/// <param name="credentials">user:password for Basic, or null.</param>
internal sealed class LinkProxy(DnsEndPoint address, string? credentials)
{
    /// <summary>The longest answer that is read: proxies explain themselves in pages, which nobody needs.</summary>
    private const int MostAnswerBytes = 8 * 1024;

    public DnsEndPoint Address { get; } = address;

    /// <summary>
    /// The proxy for <paramref name="host"/> after the usual variables: <paramref name="httpsProxy"/> is http://[user:password@]host:port, <paramref name="noProxy"/> a list of host names,
    /// domains (with or without a leading dot) and * for all.
    /// </summary>
    public static LinkProxy? For(string host, string? httpsProxy, string? noProxy)
    {
        if (string.IsNullOrEmpty(httpsProxy))
            return null;
        foreach (var entry in (noProxy ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var domain = entry.TrimStart('.');
            if (entry == "*" || host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase))
                return null;
        }

        var text = httpsProxy.Contains("://", StringComparison.Ordinal) ? httpsProxy : "http://" + httpsProxy;
        return Uri.TryCreate(text, UriKind.Absolute, out var uri)
            ? new LinkProxy(new DnsEndPoint(uri.DnsSafeHost, uri.Port), uri.UserInfo.Length > 0 ? Uri.UnescapeDataString(uri.UserInfo) : null)
            : null;
    }

    /// <summary>A connection to <paramref name="target"/> through the proxy.</summary>
    public async Task<DialOutcome> ConnectAsync(DnsEndPoint target, SocketDialer dialer, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var dialled = await dialer.DialAsync(Address, timeout, cancellationToken);
        if (dialled.Connection is not { } connection)
            return dialled with { Detail = $"proxy {Name}: {dialled.Detail}" };

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        string problem;
        try
        {
            var authority = target.Host.Contains(':', StringComparison.Ordinal) ? $"[{target.Host}]:{target.Port}" : $"{target.Host}:{target.Port}";
            var authorization = credentials is null ? "" : $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials))}\r\n";
            await connection.Output.WriteAsync(Encoding.UTF8.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n"), deadline.Token);
            var status = await ReadStatusAsync(connection, deadline.Token);
            if (status.Split(' ') is [_, ['2', _, _], ..])
                return DialOutcome.Connected(connection);
            problem = $"proxy {Name} answered \"{status}\" to CONNECT {authority}" + (status.Contains(" 407", StringComparison.Ordinal) ? ": put user:password into the proxy's address" : "");
        }
        catch (OperationCanceledException)
        {
            problem = $"proxy {Name} did not answer within {timeout.TotalSeconds:0} s";
        }
        catch (ConnectionBrokenException broken)
        {
            problem = $"proxy {Name} broke the connection: {broken.Message}";
        }

        connection.Abort(CloseReason.DialRefused);
        await connection.DisposeAsync();
        return DialOutcome.Failed(CloseReason.DialRefused, problem);
    }

    private string Name => SocketDialer.Text(Address);

    // Takes the answer's head, byte for byte up to the empty line: what follows is TLS.
    private static async Task<string> ReadStatusAsync(Connection connection, CancellationToken cancellationToken)
    {
        var head = new List<byte>();
        while (head.Count < MostAnswerBytes)
        {
            var read = await connection.Input.ReadAsync(cancellationToken);
            var taken = 0L;
            var ended = false;
            foreach (var b in read.Buffer.ToArray())
            {
                head.Add(b);
                taken++;
                ended = head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && b == '\n';
                if (ended)
                    break;
            }

            connection.Input.AdvanceTo(read.Buffer.GetPosition(taken));
            if (ended)
                return LinkFieldsReader.Printable([.. head.TakeWhile(b => b != '\r')]);
            if (read.IsCompleted)
                return "nothing";
        }

        return "more than 8 KiB";
    }
}
