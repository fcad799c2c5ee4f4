using System.Text;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Admin;

/// <summary>What each path of the admin endpoint answers. All but <see cref="ServiceSwitch"/> is read-only; nothing a client sends comes back to it.</summary>
internal sealed class AdminEndpoint(
    Func<JunctionPlan> plan, RelayService relays, StatusReader reader, StatusFeed feed, MeterReadings readings, AdminAccess access, QuietThread quiet, ILogger log, TimeProvider time)
{
    /// <summary>A process whose limits were not looked at for so long hangs.</summary>
    private static readonly TimeSpan HangsAfter = TimeSpan.FromSeconds(30);

    /// <summary>Pages that watch at once; each costs little, and a browser has a few.</summary>
    private const int MostWatchers = 32;

    private const string ReadyOf = "/readyz/";

    private readonly RenderedOnce _status = new(() => Chunks.Json(reader.Read(withConnections: true), StatusJson.Default.StatusDocument), quiet, time);
    private readonly RenderedOnce _metrics = new(() => Metrics(relays, readings), quiet, time);
    private readonly PageFiles _files = new();
    private readonly ServiceSwitch _switch = new(plan, relays);
    private int _watchers;

    public async Task HandleAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        SecurityHeaders(context.Response.Headers);
        try
        {
            if (HttpMethods.IsPost(context.Request.Method) && ServiceSwitch.Of(path) is { } wish)
            {
                var (code, said) = access.RefuseChange(context) ?? _switch.Turn(wish);
                await TextAsync(context, code, said);
            }
            else if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
            {
                context.Response.Headers.Allow = "GET, HEAD";
                await TextAsync(context, StatusCodes.Status405MethodNotAllowed, "This path tells, and changes nothing.");
            }
            else if (HealthOf(path) is var (status, text))
            {
                await TextAsync(context, status, text);
            }
            else if (access.Refuse(context) is { } refusal)
            {
                if (refusal == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Basic realm=\"junction\", charset=\"UTF-8\"";
                await TextAsync(context, refusal, refusal == StatusCodes.Status401Unauthorized ? "A token is needed." : "Ask for localhost, or an address.");
            }
            else
            {
                await AnswerAsync(context, path);
            }
        }
        catch (OperationCanceledException)
        {
            // The client has gone, or we stop.
        }
        catch (IOException)
        {
            // The client has gone.
        }
        catch (Exception fault)
        {
            log.AdminFault(fault, path);
            if (!context.Response.HasStarted) await TextAsync(context, StatusCodes.Status500InternalServerError, "A fault of ours; the log has it.");
        }
    }

    private Task AnswerAsync(HttpContext context, string path) => path switch
    {
        "/metrics" => RenderedAsync(context, PrometheusText.ContentType, _metrics),
        "/status" => RenderedAsync(context, "application/json; charset=utf-8", _status),
        "/events" => WatchAsync(context),
        _ when _files.Find(path) is { } file => FileAsync(context, file),
        _ => TextAsync(context, StatusCodes.Status404NotFound, "There are /, /status, /metrics, /livez, /readyz and /readyz/RELAY."),
    };

    // Balancers and Kubernetes ask without a token, and learn no more than they need.
    private (int Status, string Text)? HealthOf(string path)
    {
        if (path is "/livez")
            return time.GetElapsedTime(relays.Connections.SweptAt) < HangsAfter || relays.State == ServiceState.Starting ? (200, "ok") : (503, "hangs");
        if (path is "/readyz") return Readiness.Of(plan(), relays.State) is { } notReady ? (503, notReady) : (200, "ok");
        if (!path.StartsWith(ReadyOf, StringComparison.Ordinal)) return null;
        var (known, why) = Readiness.Of(plan(), relays.State, path[ReadyOf.Length..]);
        return !known ? (404, "There is no such relay.") : why is null ? (200, "ok") : (503, why);
    }

    private static async Task RenderedAsync(HttpContext context, string type, RenderedOnce rendered)
    {
        var text = await rendered.GetAsync(context.RequestAborted);
        context.Response.ContentType = type;
        context.Response.ContentLength = text.Length;
        if (HttpMethods.IsGet(context.Request.Method)) await text.WriteToAsync(context.Response.Body, context.RequestAborted);
    }

    private async Task WatchAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        if (HttpMethods.IsHead(context.Request.Method)) return;
        if (Interlocked.Increment(ref _watchers) > MostWatchers)
        {
            Interlocked.Decrement(ref _watchers);
            await TextAsync(context, StatusCodes.Status503ServiceUnavailable, "Too many pages watch.");
            return;
        }

        try
        {
            await foreach (var frame in feed.ReadAsync(context.RequestAborted)) await frame.WriteToAsync(context.Response.Body, context.RequestAborted);
        }
        finally
        {
            Interlocked.Decrement(ref _watchers);
        }
    }

    private static async Task FileAsync(HttpContext context, PageFile file)
    {
        context.Response.Headers.ETag = file.Tag;
        // Asked again every time, so that a page and its script are of one version.
        context.Response.Headers.CacheControl = "no-cache";
        if (context.Request.Headers.IfNoneMatch == file.Tag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        context.Response.ContentType = file.Type;
        context.Response.ContentLength = file.Content.Length;
        if (HttpMethods.IsGet(context.Request.Method)) await context.Response.Body.WriteAsync(file.Content, context.RequestAborted);
    }

    private static Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        var bytes = Encoding.UTF8.GetBytes(text + "\n");
        context.Response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(bytes).AsTask();
    }

    private static Chunks Metrics(RelayService relays, MeterReadings readings)
    {
        relays.Connections.CountBytes();
        return Chunks.Text(PrometheusText.Write(readings.Read()));
    }

    private static void SecurityHeaders(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }
}
