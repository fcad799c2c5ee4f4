using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Admin;

/// <summary>
/// Who may ask. A certificate was judged by TLS; a token is judged here; where neither is asked for, whoever reaches the address may, but no web page that a browser of this
/// machine happens to show: it must have been asked for by this machine's own name (DNS rebinding).
/// </summary>
internal sealed class AdminAccess(AdminPlan plan, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan LogInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private (byte[] Hash, DateTime Written)? _token;   // under _lock
    private long _refused;   // under _lock
    private long? _told;   // under _lock

    /// <summary>Null when the request may go on, else the status to answer it with.</summary>
    public int? Refuse(HttpContext context)
    {
        if (plan.TokenFile is { } file) return Shown(context.Request.Headers.Authorization) is { } token && Fits(token, file) ? null : Refused(context, "no token, or another one", StatusCodes.Status401Unauthorized);
        if (plan.Tls is not null || plan.EndPoint is not IPEndPoint || IsOurs(context.Request.Host)) return null;
        return Refused(context, "it asked for a host that is not this one", StatusCodes.Status421MisdirectedRequest);
    }

    /// <summary>
    /// Null when the request may change something, else what to answer it with: whoever asks has proved who it is, or has opened a socket that is this user's alone; and it is no
    /// web page, whose requests a browser gives the user's own credentials, but cannot give this header.
    /// </summary>
    public (int Status, string Text)? RefuseChange(HttpContext context)
    {
        if (Refuse(context) is { } refusal) return (refusal, "Not permitted.");
        if (plan is { TokenFile: null, EndPoint: IPEndPoint } && plan.Tls?.RequirePeerCertificate is not true)
            return (StatusCodes.Status403Forbidden, "Whoever reaches this address may look, and nobody may change anything: add admin.tokenFile, or listen on unix:/PATH.");
        if (context.Request.Headers[AdminClient.CommandHeader].Count == 0) return (StatusCodes.Status403Forbidden, $"The header {AdminClient.CommandHeader} is missing.");
        return null;
    }

    // Only who owns a name in DNS can point it at us, and nobody owns these.
    private static bool IsOurs(HostString host) =>
        !host.HasValue || host.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(host.Host.Trim('[', ']'), out _);

    private static string? Shown(string? authorization)
    {
        if (!AuthenticationHeaderValue.TryParse(authorization, out var header) || header.Parameter is not { } sent) return null;
        if (header.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)) return sent;
        if (!header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase)) return null;
        var decoded = new byte[sent.Length];
        if (!Convert.TryFromBase64String(sent, decoded, out var length)) return null;
        var pair = Encoding.UTF8.GetString(decoded, 0, length);
        return pair[(pair.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }

    // By their hashes, so that neither length nor time tells anything.
    private bool Fits(string token, string file) =>
        Current(file) is { } current && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(token)), current);

    private byte[]? Current(string file)
    {
        lock (_lock)
        {
            try
            {
                var written = File.GetLastWriteTimeUtc(file);
                if (_token?.Written != written && AdminPlan.TokenIn(File.ReadAllText(file)) is { } text)
                    _token = (SHA256.HashData(Encoding.UTF8.GetBytes(text)), written);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Being replaced: the old one holds until the new one is there.
            }

            return _token?.Hash;
        }
    }

    private int Refused(HttpContext context, string why, int status)
    {
        long count;
        lock (_lock)
        {
            _refused++;
            if (_told is { } told && time.GetElapsedTime(told) < LogInterval) return status;
            (_told, count, _refused) = (time.GetTimestamp(), _refused, 0);
        }

        log.AdminRefused(context.Connection.RemoteIpAddress is { } address ? SocketDialer.Text(new IPEndPoint(address, context.Connection.RemotePort)) : "unix", why, count);
        return status;
    }
}
