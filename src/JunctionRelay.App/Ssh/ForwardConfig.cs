using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using JunctionRelay.Links;

namespace JunctionRelay.App.Ssh;

/// <summary>The configuration that does what a command line for ssh asks for: what <c>junction forward</c> runs and prints.</summary>
internal static partial class ForwardConfig
{
    /// <summary>Where a hop takes links, unless it is said.</summary>
    public const int LinkPort = 8443;

    /// <summary>
    /// What a SOCKS client may name when this machine itself connects: the internet and every private network, but not this machine's own loopback and wire.
    /// </summary>
    private static readonly string[] FromHere = ["*:*", "10.0.0.0/8:*", "172.16.0.0/12:*", "192.168.0.0/16:*", "100.64.0.0/10:*", "[fc00::/7]:*"];

    /// <summary>Makes it.</summary>
    /// <param name="line">What was asked for.</param>
    /// <param name="identity">The directory of --identity; null where nobody said one.</param>
    /// <param name="users">The file of --users; null where nobody said one.</param>
    /// <param name="addresses">The addresses of a bind address that is a name; tests know better than the system.</param>
    public static JsonObject Of(SshCommandLine line, string? identity, string? users, Func<string, IReadOnlyList<IPAddress>> addresses)
    {
        var config = new JsonObject();
        if (identity is not null) config["identity"] = new JsonObject { ["directory"] = identity };
        var hops = Links(line, config);
        var relays = new JsonObject();
        if (line.Stdio is { } stdio) relays["stdio"] = With(line, new JsonObject { ["listen"] = List("stdio:"), ["target"] = List(Target(hops, stdio)) });
        foreach (var forward in line.Forwards) relays[Name(forward, relays)] = Relay(line, forward, hops, users, addresses);
        config["relays"] = relays;
        return config;
    }

    /// <summary>As a file: a key a line, lists in one.</summary>
    public static string Text(JsonObject config) => Text(config, "") + "\n";

    private static string Text(JsonNode node, string margin) => node switch
    {
        JsonObject members => $"{{\n{string.Join(",\n", members.Select(m => $"{margin}  {Quoted(m.Key)}: {Text(m.Value!, margin + "  ")}"))}\n{margin}}}",
        JsonArray elements => $"[{string.Join(", ", elements.Select(e => Text(e!, margin)))}]",
        JsonValue value when value.TryGetValue<string>(out var text) => Quoted(text),
        _ => node.ToJsonString(),
    };

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    /// <summary>As what a command line says: keys with colons between the levels.</summary>
    public static Dictionary<string, string> Flat(JsonNode node, string path = "")
    {
        var flat = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        switch (node)
        {
            case JsonObject members:
                foreach (var (key, value) in members) Add(value!, key);
                break;
            case JsonArray elements:
                for (var i = 0; i < elements.Count; i++) Add(elements[i]!, i.ToString(CultureInfo.InvariantCulture));
                break;
            default:
                flat[path] = node.ToString();
                break;
        }

        return flat;

        void Add(JsonNode value, string key)
        {
            foreach (var (below, text) in Flat(value, path.Length == 0 ? key : $"{path}:{key}")) flat[below] = text;
        }
    }

    // Each hop is dialled through the one before it, which sees nothing but ciphertext. Returns the name of the last, or null.
    private static string? Links(SshCommandLine line, JsonObject config)
    {
        if (line.Hops.Count == 0) return null;
        var links = new JsonObject();
        string? before = null;
        foreach (var hop in line.Hops)
        {
            var peer = hop.Name ?? (hop == line.Hops[^1] ? line.PeerName : null) ?? hop.Host;
            var name = Unique(PossibleName().IsMatch(peer) ? peer : "hop", links);
            var link = new JsonObject { ["dial"] = List($"{ForwardSpec.Bracketed(hop.Host)}:{hop.Port ?? LinkPort}") };
            if (peer != name) link["peer"] = peer;
            if (before is not null) link["via"] = $"link://{before}/{LinkOpen.AnyService}";
            if (line.Ping is not null) link["ping"] = line.Ping;
            // What the hops before it see is ciphertext, which does not shrink.
            if (line.Compresses && hop == line.Hops[^1]) link["compress"] = true;
            links[name] = link;
            before = name;
        }

        config["links"] = links;
        return before;
    }

    private static JsonObject Relay(SshCommandLine line, ForwardSpec forward, string? hop, string? users, Func<string, IReadOnlyList<IPAddress>> addresses)
    {
        var isRemote = forward.Kind is ForwardKind.Remote or ForwardKind.RemoteDynamic;
        var isSocks = forward.Kind is ForwardKind.Dynamic or ForwardKind.RemoteDynamic;
        var listen = isRemote ? [$"link://{hop}/{(forward.Path is { } path ? $"unix:{path}" : $"{RemoteHost(line, forward)}:{forward.Ports}")}"] : Listen(line, forward, addresses);
        var relay = new JsonObject { ["listen"] = List([.. listen.Select(l => isSocks ? $"socks5://{l}" : l)]) };
        // Two sockets, as ssh has them, so that each can fail by itself.
        if (listen.Contains($"[::]:{forward.Ports}")) relay["v6Only"] = true;
        if (isSocks && users is not null) relay["users"] = users;
        // What comes from there is connected from here, and the other way round.
        if (!isSocks) relay["target"] = List(isRemote ? forward.Destination! : Target(hop, forward.Destination!));
        else if (isRemote || hop is null) relay["open"] = List(FromHere);
        else relay["target"] = List($"link://{hop}/{LinkOpen.AnyService}");
        return With(line, relay);
    }

    private static List<string> Listen(SshCommandLine line, ForwardSpec forward, Func<string, IReadOnlyList<IPAddress>> addresses)
    {
        if (forward.Path is { } path) return [$"unix:{path}"];
        var isAll = forward.Bind is { Length: 0 } || forward.Bind is null && line.ListensOnAll;
        IReadOnlyList<IPAddress> hosts = isAll ? [IPAddress.Any, IPAddress.IPv6Any] : addresses(forward.Bind ?? "localhost");
        var family = line.Family switch { 4 => AddressFamily.InterNetwork, 6 => AddressFamily.InterNetworkV6, _ => AddressFamily.Unspecified };
        return [.. hosts.Where(h => (family == AddressFamily.Unspecified || h.AddressFamily == family) && (h.AddressFamily == AddressFamily.InterNetwork || Socket.OSSupportsIPv6))
            .Select(h => $"{ForwardSpec.Bracketed(h.ToString())}:{forward.Ports}")];
    }

    private static string RemoteHost(SshCommandLine line, ForwardSpec forward) => forward.Bind switch
    {
        "" => "*",
        null => line.ListensOnAll ? "*" : "localhost",
        var host => ForwardSpec.Bracketed(host),
    };

    private static string Target(string? hop, string destination) => hop is null ? destination : $"link://{hop}/{LinkOpen.AnyService}/{destination}";

    private static JsonObject With(SshCommandLine line, JsonObject relay)
    {
        // As with ssh nobody is asked before a client comes, and the port listens whatever is behind it.
        if (relay["open"] is null) relay["healthInterval"] = "0";
        if (line.ConnectTimeout is not null) relay["connectTimeout"] = line.ConnectTimeout;
        return relay;
    }

    private static string Name(ForwardSpec forward, JsonObject relays)
    {
        var letter = forward.Kind switch { ForwardKind.Local => "L", ForwardKind.Dynamic => "D", _ => "R" };
        return Unique(letter + (forward.Path is { } path ? NoName().Replace(System.IO.Path.GetFileNameWithoutExtension(path), "") : forward.Ports.First.ToString(CultureInfo.InvariantCulture)), relays);
    }

    private static string Unique(string name, JsonObject taken)
    {
        var unique = name;
        for (var number = 2; taken.ContainsKey(unique); number++) unique = $"{name}-{number}";
        return unique;
    }

    private static JsonArray List(params string[] texts) => new([.. texts.Select(t => (JsonNode)t)]);

    // The names of links and relays that a configuration may have.
    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    private static partial Regex PossibleName();

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex NoName();
}
