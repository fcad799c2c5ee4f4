using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Admin;

/// <summary>What a junction answered, or why there is no answer.</summary>
/// <param name="Body">The status as JSON, or one line of text; null when there is none.</param>
/// <param name="Problem">For people.</param>
/// <param name="Exit">What to tell the caller.</param>
internal readonly record struct AdminAnswer(byte[]? Body, string Problem = "", int Exit = ExitCodes.Ok);

/// <summary>Asks the admin endpoint of a running junction, the way its configuration says.</summary>
internal sealed class AdminClient : IDisposable
{
    /// <summary>Sent with whatever changes something: no web page can make a browser send it to another's address.</summary>
    public const string CommandHeader = "Junction-Command";

    /// <summary>What to say where the configuration has none.</summary>
    public const string NoAdmin = "this configuration has no admin section, so that nobody can ask: add \"admin\": { \"listen\": \"127.0.0.1:9180\" }";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http;
    private readonly string _address;
    private readonly string? _tokenFile;
    private readonly TimeSpan _limit;

    /// <param name="plan">The endpoint; one that listens on every address is asked on this machine's own.</param>
    /// <param name="limit">How long an answer may take; null = 10 s.</param>
    public AdminClient(AdminPlan plan, TimeSpan? limit = null)
    {
        _limit = limit ?? Patience;
        (_address, _tokenFile) = (SocketDialer.Text(plan.EndPoint), plan.TokenFile);
        var endPoint = Reachable(plan.EndPoint);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectCallback = async (_, cancellationToken) => new NetworkStream(await ConnectAsync(endPoint, cancellationToken), ownsSocket: true),
        };
        var host = "localhost";
        if (plan.Tls is { } tls)
        {
            // The other side's certificate is the one of the same configuration.
            var credentials = tls.Credentials.Now;
            var ours = credentials.Identity is { } identity ? PeerIdentity.Of(identity.Certificate, identity.Domain) : null;
            // A name that stands in a URL: the DNS name of an identity that has one.
            host = ours?.Names.FirstOrDefault(n => Uri.CheckHostName(n) == UriHostNameType.Dns) ?? host;
            handler.SslOptions = tls.ClientOptions(credentials, host, (_, certificate, _, errors) => Validate(certificate as X509Certificate2, ours, errors));
        }

        _http = new HttpClient(handler) { BaseAddress = new Uri($"{(plan.Tls is null ? "http" : "https")}://{host}/"), Timeout = _limit };
    }

    private static bool Validate(X509Certificate2? certificate, PeerIdentity? ours, System.Net.Security.SslPolicyErrors errors)
    {
        if (ours is not null && certificate is not null && PeerIdentity.Of(certificate).Names.SequenceEqual(ours.Names)) errors &= ~System.Net.Security.SslPolicyErrors.RemoteCertificateNameMismatch;
        return errors == System.Net.Security.SslPolicyErrors.None;
    }

    /// <summary>What it does now.</summary>
    public Task<AdminAnswer> StatusAsync(CancellationToken cancellationToken) => SendAsync(() => new(HttpMethod.Get, "status"), cancellationToken);

    /// <summary>Whether new connections get anywhere: "ok", or why not with <see cref="ExitCodes.Unavailable"/>.</summary>
    public Task<AdminAnswer> ReadyAsync(CancellationToken cancellationToken) => SendAsync(() => new(HttpMethod.Get, "readyz"), cancellationToken);

    /// <summary>Pauses a service, or lets it go on.</summary>
    public Task<AdminAnswer> SwitchAsync(ServiceWish wish, CancellationToken cancellationToken) =>
        SendAsync(() => new(HttpMethod.Post, ServiceSwitch.PathOf(wish)) { Headers = { { CommandHeader, "switch" } } }, cancellationToken);

    private async Task<AdminAnswer> SendAsync(Func<HttpRequestMessage> make, CancellationToken cancellationToken)
    {
        try
        {
            using var request = make();
            if (_tokenFile is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(_tokenFile, cancellationToken)).Trim());
            using var response = await _http.SendAsync(request, cancellationToken);
            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            return (response.StatusCode, request.Method == HttpMethod.Post) switch
            {
                (HttpStatusCode.OK, _) => new(body),
                (HttpStatusCode.Unauthorized, _) => new(null, $"the junction at {_address} wants another token", ExitCodes.NotPermitted),
                (HttpStatusCode.Forbidden, true) => new(null, $"the junction at {_address} does not permit it: {Line(body)}", ExitCodes.NotPermitted),
                (HttpStatusCode.ServiceUnavailable, false) => new(null, $"the junction at {_address} is not ready: {Line(body)}", ExitCodes.Unavailable),
                (HttpStatusCode.NotFound or HttpStatusCode.Conflict, true) => new(null, Line(body), ExitCodes.Failed),
                _ => new(null, $"what listens on {_address} answers {(int)response.StatusCode}: is it a junction's admin endpoint?", ExitCodes.Unavailable),
            };
        }
        catch (UnauthorizedAccessException e)
        {
            return new(null, e.Message, ExitCodes.NotPermitted);
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.AccessDenied })
        {
            return new(null, $"{_address} is another user's: ask as the user that runs the junction, or as root", ExitCodes.NotPermitted);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            var innermost = e;
            while (innermost.InnerException is not null) innermost = innermost.InnerException;
            return new(null, $"no junction answers at {_address} ({(e is OperationCanceledException ? $"nothing within {_limit.TotalSeconds:0} s" : innermost.Message)})", ExitCodes.Unavailable);
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A short answer of a junction, or of somebody who is none.</summary>
    public static string Line(byte[] body) => new([.. Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 500))).Trim().Where(c => !char.IsControl(c))]);

    private static async Task<Socket> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static EndPoint Reachable(EndPoint endPoint) => endPoint switch
    {
        IPEndPoint ip when ip.Address.Equals(IPAddress.Any) => new IPEndPoint(IPAddress.Loopback, ip.Port),
        IPEndPoint ip when ip.Address.Equals(IPAddress.IPv6Any) => new IPEndPoint(IPAddress.IPv6Loopback, ip.Port),
        _ => endPoint,
    };
}
