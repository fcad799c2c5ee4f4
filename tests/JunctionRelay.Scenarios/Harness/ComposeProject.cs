using System.Text.Json;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A compose file of <c>docker/</c>, its services run as containers of <see cref="JunctionImage"/> without a Docker engine: each in a network of its own, with a
/// cable to every service that shares a network with it. Knows the keys that those files use, and fails at any other.
/// </summary>
internal sealed class ComposeProject : IAsyncDisposable
{
    private static readonly HashSet<string> Known =
    [
        "image", "build", "read_only", "cap_drop", "security_opt", "restart", "stop_grace_period", "hostname", "command", "entrypoint", "healthcheck", "volumes", "networks", "profiles",
        "depends_on", "network_mode",
    ];

    private readonly JunctionImage _image;
    private readonly string _folder;
    private readonly string _project;
    private readonly JsonElement _services;
    private readonly NetworkNamespaces _network;
    private readonly Dictionary<string, Host> _hosts = [];

    private ComposeProject(JunctionImage image, string file, JsonElement services, NetworkNamespaces network) =>
        (_image, _folder, _project, _services, _network) = (image, Path.GetDirectoryName(file)!, Path.GetFileName(file), services, network);

    /// <summary>What runs, by the service's name.</summary>
    public Dictionary<string, RealProgram> Running { get; } = [];

    public static async Task<ComposeProject> Open(string file, JunctionImage image)
    {
        var json = await RealProgram.Succeed("python3", ["-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))['services']))", file]);
        using var document = JsonDocument.Parse(json);
        var project = new ComposeProject(image, file, document.RootElement.Clone(), await NetworkNamespaces.Create());
        await project.Connect();
        return project;
    }

    /// <summary><c>docker compose up --detach --wait</c></summary>
    public async Task Up()
    {
        foreach (var service in _services.EnumerateObject().Where(s => !s.Value.TryGetProperty("profiles", out _)))
            Running[service.Name] = await Start(service.Name, null);
        foreach (var (name, program) in Running.Where(r => IsChecked(_services.GetProperty(r.Key))))
        {
            ProgramResult? last = null;
            async Task<bool> IsHealthy()
            {
                await using var check = await Start(name, null, _image.HealthCheck);
                last = await check.Exit(Deadline.Start);
                return last.ExitCode == 0;
            }

            await Deadline.Until(IsHealthy, Deadline.Start, $"{name} becomes healthy", () => $"{last}\n{program.Said()}");
        }
    }

    /// <summary><c>docker compose run --rm SERVICE ARGUMENTS</c></summary>
    public async Task<ProgramResult> Run(string service, params string[] arguments)
    {
        await using var program = await Start(service, arguments.Length > 0 ? arguments : null);
        return await program.Exit(Deadline.Start);
    }

    /// <summary><c>docker compose down</c>; returns how each service ended.</summary>
    public async Task<IReadOnlyDictionary<string, ProgramResult>> Down()
    {
        foreach (var program in Running.Values)
            program.Send(Signal.Term);
        var results = new Dictionary<string, ProgramResult>();
        foreach (var (name, program) in Running)
            results[name] = await program.Exit(Deadline.Start);
        return results;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var program in Running.Values)
            await program.DisposeAsync();
        await _network.DisposeAsync();
    }

    private static bool IsChecked(JsonElement service) => !(service.TryGetProperty("healthcheck", out var check) && check.GetProperty("disable").GetBoolean());

    private async Task<RealProgram> Start(string name, string[]? arguments, string[]? instead = null)
    {
        var service = _services.GetProperty(name);
        Assert.Empty(service.EnumerateObject().Select(p => p.Name).Except(Known));
        Assert.True(service.GetProperty("read_only").GetBoolean());
        var entry = service.TryGetProperty("entrypoint", out var own) ? Texts(own) : _image.EntryPoint;
        var command = arguments ?? (service.TryGetProperty("command", out var said) ? Texts(said) : _image.Command);
        var mounts = new List<string>();
        foreach (var volume in service.TryGetProperty("volumes", out var volumes) ? Texts(volumes) : [])
        {
            var parts = volume.Split(':', 2);
            mounts.Add($"{(parts[0].StartsWith('.') ? Path.GetFullPath(parts[0], _folder) : await _image.Volume($"{_project}-{parts[0]}"))}:{parts[1]}");
        }

        return _image.Start(_hosts[name], mounts, instead ?? [.. entry, .. command]);
    }

    // Docker's name server knows services by name and alias within a network; here each host has them in its file.
    private async Task Connect()
    {
        var names = _services.EnumerateObject().Select(s => s.Name).ToList();
        var known = names.ToDictionary(n => n, _ => new List<string>());
        foreach (var name in names)
            _hosts[name] = await _network.AddHost(name);
        var cables = 0;
        foreach (var (one, other) in from a in names from b in names where string.CompareOrdinal(a, b) < 0 select (a, b))
        {
            var (ofOne, ofOther) = (Networks(one), Networks(other));
            if (ofOne.Keys.FirstOrDefault(ofOther.ContainsKey) is not { } shared)
                continue;
            var cable = cables++;
            await NetworkNamespaces.Connect(_hosts[one], [$"10.93.{cable}.1/24"], _hosts[other], [$"10.93.{cable}.2/24"]);
            known[one].Add($"10.93.{cable}.2 {string.Join(' ', [other, .. ofOther[shared]])}");
            known[other].Add($"10.93.{cable}.1 {string.Join(' ', [one, .. ofOne[shared]])}");
        }

        foreach (var (name, lines) in known)
            NetworkNamespaces.SetNames(_hosts[name], [.. lines]);
    }

    // Each network, and the aliases in it.
    private Dictionary<string, string[]> Networks(string service)
    {
        if (!_services.GetProperty(service).TryGetProperty("networks", out var networks))
            return [];
        return networks.ValueKind == JsonValueKind.Array
            ? Texts(networks).ToDictionary(n => n, _ => Array.Empty<string>())
            : networks.EnumerateObject().ToDictionary(n => n.Name, n => n.Value.TryGetProperty("aliases", out var aliases) ? Texts(aliases) : []);
    }

    private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
