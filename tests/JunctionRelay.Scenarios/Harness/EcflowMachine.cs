using System.Globalization;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A host with a real ecFlow server, which has a suite of its own, and (the first three of them) a log server. All servers listen on one port, and all log servers on another.
/// </summary>
internal static class EcflowMachine
{
    public const int Machines = 5, LogServers = 3, Port = 3141, LogPort = 9316;

    /// <summary>The address of the host with this number, from 1.</summary>
    public static string Address(int i) => string.Create(CultureInfo.InvariantCulture, $"10.93.{20 + i}.2");

    /// <summary>The names of all of them, as lines of a hosts file.</summary>
    public static string[] Names => [.. Enumerable.Range(1, Machines).Select(i => $"{Address(i)} machine{i}.corp logserver{i}.corp")];

    /// <summary>Starts it, with a cable to <paramref name="border"/> and no other.</summary>
    public static async Task<IReadOnlyList<RealProgram>> Start(NetworkNamespaces hosts, Host border, int i, TemporaryFolder folder)
    {
        var host = await hosts.AddHost($"m{i}");
        await NetworkNamespaces.Connect(border, [string.Create(CultureInfo.InvariantCulture, $"10.93.{20 + i}.1/24")], host, [$"{Address(i)}/24"]);
        var home = folder.Folder($"machine{i}");
        var options = new ProgramOptions
        {
            Host = host,
            Folder = home,
            StopSignal = Signal.Kill,   // it ignores SIGTERM
            Environment = new Dictionary<string, string> { ["HOME"] = home, ["ECF_HOME"] = home, ["ECF_PASS"] = "" },
        };
        var server = RealProgram.Start("ecflow_server", ["--port", $"{Port}"], options);
        await server.Listening(Port);
        var tasks = string.Concat(Enumerable.Range(1, 100).Select(t => $"  task t{t}\n"));
        await RealProgram.Succeed("ecflow_client", ["--host", "127.0.0.1", "--port", $"{Port}", $"--load={folder.Write($"of{i}.def", $"suite of{i}\n{tasks}endsuite\n")}"], options);
        if (i > LogServers) return [server];
        var log = RealProgram.Start("socat", [$"TCP-LISTEN:{LogPort},fork,reuseaddr", $"SYSTEM:echo log of machine {i}"], options);
        await log.Listening(LogPort);
        return [server, log];
    }

    /// <summary>Runs <c>ecflow_client --get</c> on a host.</summary>
    public static Task<ProgramResult> Get(Host host, TemporaryFolder folder, string server, int port, string[] wrapper, params (string Name, string Value)[] environment) => RealProgram.Run(
        "ecflow_client", ["--host", server, "--port", $"{port}", "--get"],
        new ProgramOptions
        {
            Host = host,
            Wrapper = wrapper,
            Environment = new Dictionary<string, string>(environment.Select(e => KeyValuePair.Create(e.Name, e.Value))) { ["HOME"] = folder.Path, ["ECF_PASS"] = "" },
        });
}
