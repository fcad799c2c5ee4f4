using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using JunctionRelay.Load.Costs;

namespace JunctionRelay.Load;

/// <summary>
/// A relay as named on the command line: <c>GROUP/NAME=HOST:PORT[,pid=[LABEL:]PID]…[,case=CASE]…[,socks=HOST:PORT]</c>. Relays of a group are compared
/// with each other. Cases of its own replace those of the command line; with socks it is an entrance that is told where to connect.
/// </summary>
internal sealed record RelayUnderTest(string Group, string Name, IPEndPoint EndPoint, IReadOnlyList<RelayProcess> Processes, IReadOnlyList<LoadCase> Cases)
{
    public const string Grammar = "GROUP/NAME=HOST:PORT[,pid=[LABEL:]PID]...[,case=CASE]...[,socks=HOST:PORT]";

    /// <summary>Where it is told to connect; null for a relay that leads there by itself.</summary>
    public IPEndPoint? Behind { get; init; }

    public static bool TryParse(string text, [NotNullWhen(true)] out RelayUnderTest? relay, out string problem)
    {
        relay = null;
        var parts = text.Split(',', StringSplitOptions.TrimEntries);
        var equals = parts[0].IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            problem = $"'{text}' is not of the form {Grammar}";
            return false;
        }
        if (!TryParseEndPoint(parts[0][(equals + 1)..], out var endPoint, out problem))
            return false;
        List<RelayProcess> processes = [];
        List<LoadCase> cases = [];
        IPEndPoint? behind = null;
        foreach (var part in parts[1..])
        {
            if (part.StartsWith("pid=", StringComparison.Ordinal) && TryParseProcess(part[4..], out var process))
                processes.Add(process);
            else if (part.StartsWith("case=", StringComparison.Ordinal) && LoadCase.TryParse(part[5..], out var one))
                cases.Add(one!);
            else if (part.StartsWith("socks=", StringComparison.Ordinal) && TryParseEndPoint(part[6..], out behind, out problem))
                continue;
            else
                problem = $"'{part}' in '{text}' is neither pid=[LABEL:]PID of a running process nor case=CASE nor socks=HOST:PORT";
            if (problem.Length > 0)
                return false;
        }
        var name = parts[0][..equals];
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        relay = new RelayUnderTest(slash < 0 ? "relay" : name[..slash], name[(slash + 1)..], endPoint, processes, cases) { Behind = behind };
        return true;
    }

    /// <summary><c>PID</c> or <c>LABEL:PID</c>, of a process that runs.</summary>
    public static bool TryParseProcess(string text, [NotNullWhen(true)] out RelayProcess? process)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        process = int.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out var pid) && ProcessTree.IsAlive(pid)
            ? new RelayProcess(colon > 0 ? text[..colon] : text, pid)
            : null;
        return process is not null;
    }

    /// <summary><c>HOST:PORT</c>, <c>[IPv6]:PORT</c>; a name is resolved once, and its first address taken.</summary>
    public static bool TryParseEndPoint(string text, [NotNullWhen(true)] out IPEndPoint? endPoint, out string problem)
    {
        (endPoint, problem) = (null, "");
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out var port))
        {
            problem = $"'{text}' is not HOST:PORT";
            return false;
        }
        var host = text[..colon].Trim('[', ']');
        try
        {
            var address = IPAddress.TryParse(host, out var literal) ? literal : Dns.GetHostAddresses(host).FirstOrDefault();
            endPoint = address is null ? null : new IPEndPoint(address, port);
        }
        catch (SocketException exception)
        {
            problem = $"'{host}' in '{text}' cannot be resolved: {exception.Message}";
            return false;
        }
        if (endPoint is null)
            problem = $"'{host}' in '{text}' has no address";
        return endPoint is not null;
    }
}
