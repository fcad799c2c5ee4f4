using System.Globalization;
using System.Text;
using JunctionRelay.Configuration;

namespace JunctionRelay.App.Ssh;

/// <summary>What one option of ssh's asks for.</summary>
internal enum ForwardKind
{
    /// <summary>-L: listen here, connect there.</summary>
    Local,
    /// <summary>-R: listen there, connect here.</summary>
    Remote,
    /// <summary>-D: listen here for SOCKS clients, connect there to what they name.</summary>
    Dynamic,
    /// <summary>-R with a port alone: listen there for SOCKS clients, connect here to what they name.</summary>
    RemoteDynamic,
}

/// <summary>
/// One forward, in ssh's grammar. Fields stand between colons; one in brackets is taken as it is, one with a slash is the path of a unix socket, and a backslash
/// takes the colon behind it for a letter. What ssh has not are ranges of ports.
/// <code>
/// -L, -R   [bind:]port:host:hostport      -L 8080:web:80   -L *:8080:web:80   -L [::1]:8080:[fd00::7]:80   -L 6000-6049:server:9095-9144
///          [bind:]port:/path              -L 8080:/run/web.sock
///          /path:host:hostport            -L /tmp/web.sock:web:80
///          /path:/path                    -L /tmp/a.sock:/run/b.sock
/// -D, -R   [bind:]port, /path             -D 1080   -D *:1080   -R 1080
/// </code>
/// A port may be the name of a service (services(5)). No bind = loopback, an empty one or * = every address.
/// </summary>
/// <param name="Kind">Which way.</param>
/// <param name="Bind">Where to listen; null = nothing was said, empty = every address.</param>
/// <param name="Ports">The ports to listen on; of a unix socket 0.</param>
/// <param name="Path">The unix socket to listen on; null for TCP.</param>
/// <param name="Host">Where to connect; null for a unix socket, and for SOCKS.</param>
/// <param name="HostPorts">The ports to connect to.</param>
/// <param name="HostPath">The unix socket to connect to; null for TCP.</param>
internal sealed record ForwardSpec(ForwardKind Kind, string? Bind, PortRange Ports, string? Path, string? Host, PortRange HostPorts, string? HostPath)
{
    private const string Example = "write [BIND:]PORT:HOST:HOSTPORT, e.g. 8080:web:80, or *:8080:web:80 for every address";
    private const string DynamicExample = "write [BIND:]PORT, e.g. 1080";

    private static readonly Lazy<Dictionary<string, int>> KnownServices = new(ReadServices);

    private readonly record struct Field(string Text, bool IsPath);

    /// <summary>Reads the value of <c>-L</c>, <c>-R</c> or <c>-D</c>; null, and what is wrong with it, when it is none.</summary>
    public static ForwardSpec? Read(char option, string text, out Flaw flaw) => Read(option, text, Environment.GetEnvironmentVariable, out flaw);

    /// <summary>The same with variables of a test's own.</summary>
    public static ForwardSpec? Read(char option, string text, Func<string, string?> environment, out Flaw flaw)
    {
        flaw = new Flaw($"'{text}' is no forward", option == 'D' ? DynamicExample : Example);
        if (Expand(text.TrimStart(), environment) is not { } expanded || Fields(expanded) is not { } fields) return null;
        var spec = option == 'D' ? Dynamic(fields, ForwardKind.Dynamic) : TwoEnded(fields, option == 'L' ? ForwardKind.Local : ForwardKind.Remote) ?? (option == 'R' ? Dynamic(fields, ForwardKind.RemoteDynamic) : null);
        if (spec is null) return null;
        flaw = spec.Check(text);
        return flaw == default ? spec : null;
    }

    /// <summary>The destination, as targets are written; null for SOCKS.</summary>
    public string? Destination => HostPath is not null ? $"unix:{HostPath}" : Host is null ? null : $"{Bracketed(Host)}:{HostPorts}";

    /// <summary>An address as it stands before a port.</summary>
    public static string Bracketed(string host) => host.Contains(':') ? $"[{host}]" : host;

    // Which of the shapes it is follows from the number of fields and from which of them are paths.
    private static ForwardSpec? TwoEnded(List<Field> fields, ForwardKind kind) => fields switch
    {
        [{ IsPath: true } path, { IsPath: true } hostPath] => new(kind, null, default, path.Text, null, default, hostPath.Text),
        [{ IsPath: true } path, var host, var port] when PortsOf(port) is { } ports => new(kind, null, default, path.Text, host.Text, ports, null),
        [var port, { IsPath: true } hostPath] when PortsOf(port) is { } ports => new(kind, null, ports, null, null, default, hostPath.Text),
        [var bind, var port, { IsPath: true } hostPath] when PortsOf(port) is { } ports => new(kind, Any(bind), ports, null, null, default, hostPath.Text),
        [var port, var host, var hostPort] when PortsOf(port) is { } ports && PortsOf(hostPort) is { } hostPorts => new(kind, null, ports, null, host.Text, hostPorts, null),
        [var bind, var port, var host, var hostPort] when PortsOf(port) is { } ports && PortsOf(hostPort) is { } hostPorts => new(kind, Any(bind), ports, null, host.Text, hostPorts, null),
        _ => null,
    };

    private static ForwardSpec? Dynamic(List<Field> fields, ForwardKind kind) => fields switch
    {
        [{ IsPath: true } path] => new(kind, null, default, path.Text, null, default, null),
        [var port] when PortsOf(port) is { } ports => new(kind, null, ports, null, null, default, null),
        [{ IsPath: false } bind, { IsPath: false } port] when PortsOf(port) is { } ports => new(kind, Any(bind), ports, null, null, default, null),
        _ => null,
    };

    private Flaw Check(string text)
    {
        if (Path is null && Ports.IsAnyFree && Kind is ForwardKind.Local or ForwardKind.Dynamic) return new Flaw($"'{text}' listens on port 0", "name the port, from 1 to 65535");
        if (Host is not null && HostPorts.IsAnyFree) return new Flaw($"'{text}' connects to port 0", "name the port, from 1 to 65535");
        if (Host is { Length: 0 }) return new Flaw($"'{text}' connects to no host", Example);
        if (HostPath is not null && Ports.Count > 1 || Host is not null && Path is not null && HostPorts.Count > 1) return new Flaw($"'{text}' joins a range of ports with one socket", "name one port");
        // No path as a configuration may have it: too long, or a name in the abstract namespace.
        if (Path is not null && ListenAddress.Read($"unix:{Path}", out var unix) is null) return new Flaw($"'{text}' listens on no path: {unix.What}", "write a path, e.g. /run/junction/NAME.sock");
        return Host is not null && Path is null && Ports.Count != HostPorts.Count
            ? new Flaw($"'{text}' has {Ports.Count} ports here and {HostPorts.Count} there", "ranges go port for port: make them equally long")
            : default;
    }

    private static string Any(Field bind) => bind.Text == "*" ? "" : bind.Text;

    private static PortRange? PortsOf(Field field) =>
        field.IsPath ? null : PortRange.TryParse(field.Text, out var ports) ? ports : Service(field.Text) is { } port ? new PortRange(port, port) : null;

    private static List<Field>? Fields(string text)
    {
        const int Most = 4;
        var fields = new List<Field>();
        for (var at = 0; at < text.Length;)
        {
            if (fields.Count == Most) return null;
            var field = text[at] == '[' ? InBrackets(text, ref at) : Plain(text, ref at);
            if (field is not { } read) return null;
            fields.Add(read);
        }

        return fields.Count > 0 ? fields : null;
    }

    private static Field? InBrackets(string text, ref int at)
    {
        var end = text.IndexOf(']', at);
        if (end < 0 || end + 1 < text.Length && text[end + 1] != ':') return null;
        var inner = text[(at + 1)..end];
        at = end + 2;
        return FieldOf(inner, inner.Contains('/'));
    }

    private static Field? Plain(string text, ref int at)
    {
        var field = new StringBuilder();
        var isPath = false;
        for (; at < text.Length && text[at] != ':'; at++)
        {
            if (text[at] == '\\' && ++at == text.Length) return null;
            else if (text[at] == '/') isPath = true;
            field.Append(text[at]);
        }

        at++;
        return FieldOf(field.ToString(), isPath);
    }

    // Several slashes at its beginning are one, and behind "unix:" they would begin a URL.
    private static Field FieldOf(string text, bool isPath) => new(isPath && text.StartsWith("//", StringComparison.Ordinal) ? "/" + text.TrimStart('/') : text, isPath);

    // ${NAME}, as in ssh_config(5).
    private static string? Expand(string text, Func<string, string?> environment)
    {
        for (var at = text.IndexOf("${", StringComparison.Ordinal); at >= 0; at = text.IndexOf("${", at, StringComparison.Ordinal))
        {
            var end = text.IndexOf('}', at);
            if (end < 0 || environment(text[(at + 2)..end]) is not { } value) return null;
            text = text[..at] + value + text[(end + 1)..];
            at += value.Length;
        }

        return text;
    }

    private static int? Service(string name) => KnownServices.Value.TryGetValue(name, out var port) ? port : null;

    private static Dictionary<string, int> ReadServices()
    {
        const string services = "/etc/services";
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var line in File.Exists(services) ? File.ReadLines(services) : [])
        {
            // ssh  22/tcp  alias …  # comment
            var words = line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || words[1].Split('/') is not [var port, "tcp"] || !int.TryParse(port, CultureInfo.InvariantCulture, out var number)) continue;
            foreach (var name in words.Where((_, i) => i != 1)) known.TryAdd(name, number);
        }

        return known;
    }
}
