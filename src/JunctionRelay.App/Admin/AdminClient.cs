using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;

namespace JunctionRelay.App.Admin;

/// <summary>What a junction answered, or why there is no answer.</summary>
/// <param name="Json">The status; null when there is none.</param>
/// <param name="Problem">For people.</param>
/// <param name="Exit">What to tell the caller.</param>
internal readonly record struct AdminAnswer(byte[]? Json, string Problem = "", int Exit = ExitCodes.Ok);

/// <summary>Asks the admin endpoint of a running junction, the way its configuration says.</summary>
internal sealed class AdminClient : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http;
    private readonly string _address;
    private readonly string? _tokenFile;

    /// <param name="plan">The endpoint; one that listens on every address is asked on this machine's own.</param>
    public AdminClient(AdminPlan plan)
    {
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

        _http = new HttpClient(handler) { BaseAddress = new Uri($"{(plan.Tls is null ? "http" : "https")}://{host}/"), Timeout = Limit };
    }

    private static bool Validate(X509Certificate2? certificate, PeerIdentity? ours, System.Net.Security.SslPolicyErrors errors)
    {
        if (ours is not null && certificate is not null && PeerIdentity.Of(certificate).Names.SequenceEqual(ours.Names)) errors &= ~System.Net.Security.SslPolicyErrors.RemoteCertificateNameMismatch;
        return errors == System.Net.Security.SslPolicyErrors.None;
    }

    public async Task<AdminAnswer> StatusAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "status");
            if (_tokenFile is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(_tokenFile, cancellationToken)).Trim());
            using var response = await _http.SendAsync(request, cancellationToken);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => new(await response.Content.ReadAsByteArrayAsync(cancellationToken)),
                HttpStatusCode.Unauthorized => new(null, $"the junction at {_address} wants another token", ExitCodes.NotPermitted),
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
            return new(null, $"no junction answers at {_address} ({(e is OperationCanceledException ? $"nothing within {Limit.TotalSeconds:0} s" : innermost.Message)})", ExitCodes.Unavailable);
        }
    }

    public void Dispose() => _http.Dispose();

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
