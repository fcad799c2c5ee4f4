using System.Globalization;
using System.Text;
using JunctionRelay.Connections;

namespace JunctionRelay.Greetings;

/// <summary>The answers to a CONNECT that is refused: a status, the same for machines (Proxy-Status, RFC 9209), and a line for people. Each ends the connection.</summary>
internal static class HttpConnectAnswer
{
    public static byte[] RequestTimeout { get; } = Answer(408, "Request Timeout", "http_request_error", "No request came in time.");

    public static byte[] MethodNotAllowed { get; } = Answer(405, "Method Not Allowed", "http_request_denied", "Only CONNECT is served here.", "Allow: CONNECT\r\n");

    public static byte[] AuthenticationRequired { get; } =
        Answer(407, "Proxy Authentication Required", "http_request_denied", "A user and a password are needed.", "Proxy-Authenticate: Basic realm=\"junction\", charset=\"UTF-8\"\r\n");

    /// <summary>The answer to a request that could not be read; <paramref name="status"/> as the parser found.</summary>
    public static byte[] Of(int status) => status switch
    {
        431 => Answer(status, "Request Header Fields Too Large", "http_request_error", "The head of the request is too large."),
        505 => Answer(status, "HTTP Version Not Supported", "http_request_error", "Only HTTP/1.1 and HTTP/1.0 are spoken here."),
        _ => Answer(400, "Bad Request", "http_request_error", "That is no proper CONNECT request."),
    };

    /// <summary>The answer to a request that was understood, and why it came to nothing.</summary>
    public static byte[] For(CloseReason reason)
    {
        var (status, phrase, error) = reason switch
        {
            CloseReason.NotPermitted or CloseReason.NoSuchService or CloseReason.LinkLoop => (403, "Forbidden", "destination_ip_prohibited"),
            CloseReason.DialRefused => (502, "Bad Gateway", "connection_refused"),
            CloseReason.DialUnresolved => (502, "Bad Gateway", "dns_error"),
            CloseReason.DialUnreachable => (502, "Bad Gateway", "destination_ip_unroutable"),
            CloseReason.DialTimeout => (504, "Gateway Timeout", "connection_timeout"),
            CloseReason.LinkDown or CloseReason.LinkLost or CloseReason.NoTargetUp => (503, "Service Unavailable", "destination_unavailable"),
            CloseReason.TooManyStreams or CloseReason.OutOfDescriptors or CloseReason.Stopping => (503, "Service Unavailable", "connection_limit_reached"),
            _ => (502, "Bad Gateway", "proxy_internal_error"),
        };
        return Answer(status, phrase, error, $"The destination was not reached: {reason.Name()}.");
    }

    private static byte[] Answer(int status, string phrase, string error, string text, string fields = "") => Encoding.ASCII.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"HTTP/1.1 {status} {phrase}\r\n{fields}Proxy-Status: junction; error={error}\r\nContent-Type: text/plain\r\nContent-Length: {text.Length + 1}\r\nConnection: close\r\n\r\n{text}\n"));
}
