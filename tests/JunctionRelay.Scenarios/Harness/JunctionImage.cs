using System.Text.Json;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// The image of <c>docker/Dockerfile</c>, built by buildah on stand-ins for the public images (<c>tests/container-base.sh</c>), and containers of it: its files,
/// user, environment and command, with a read-only root, no capabilities and mounts and a host name of their own. No Docker engine is involved.
/// </summary>
public sealed class JunctionImage : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private readonly TemporaryFolder _folder = new();
    private JsonElement _config;

    /// <summary>The compressed size of what the Dockerfile adds to its base, in bytes.</summary>
    public long AddedBytes { get; private set; }

    /// <summary>Its files.</summary>
    internal string Root { get; private set; } = "";

    /// <summary>Whom it runs as: UID:GID.</summary>
    internal string RunsAs => _config.GetProperty("User").GetString()!;

    /// <summary>What says whether a container of it is healthy.</summary>
    internal string[] HealthCheck => [.. Texts(_config.GetProperty("Healthcheck").GetProperty("Test")).Skip(1)];

    internal string[] EntryPoint => Texts(_config.GetProperty("Entrypoint"));

    internal string[] Command => Texts(_config.GetProperty("Cmd"));

    public async ValueTask InitializeAsync()
    {
        var repository = Path.GetDirectoryName(Repository.File("JunctionRelay.sln"))!;
        await RealProgram.Succeed("bash", [Path.Combine(repository, "tests/container-base.sh"), _folder.Path], within: Patience);
        // Neither ICU nor vulnerability data are in there.
        await Import("sdk", "PATH=/usr/bin:/bin", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", "DOTNET_CLI_TELEMETRY_OPTOUT=1", "NuGetAudit=false");
        await Import("runtime", "PATH=/usr/bin");

        var dotnet = Path.GetDirectoryName(new FileInfo("/usr/bin/dotnet").ResolveLinkTarget(true)?.FullName ?? "/usr/share/dotnet/dotnet")!;
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget/packages");
        await Buildah(
            "build", "--isolation", "chroot", "--format", "docker", "--layers=false", "--pull-never", "--build-arg", "SDK=localhost/sdk", "--build-arg", "RUNTIME=localhost/runtime",
            "--volume", $"{dotnet}:/usr/share/dotnet:ro", "--volume", $"{packages}:/root/.nuget/packages:rw", "--tag", "junction", "--file", Path.Combine(repository, "docker/Dockerfile"), repository);
        using (var inspected = JsonDocument.Parse(await Buildah("inspect", "--type", "image", "junction")))
            _config = inspected.RootElement.GetProperty("Docker").GetProperty("config").Clone();

        var container = (await Buildah("from", "--pull-never", "junction")).Trim();
        Root = (await Buildah("mount", container)).Trim();
        // What the two COPY lines bring, as a registry keeps it.
        AddedBytes = long.Parse(
            await RealProgram.Succeed("sh", ["-c", "tar -C \"$1\" -c app var/lib/junction | gzip | wc -c", "sh", Root]), System.Globalization.CultureInfo.InvariantCulture);
        // Docker makes what is mounted in a container, also where the container itself could not.
        foreach (var directory in new[] { "etc/junction", "proc", "dev" })
            Directory.CreateDirectory(Path.Combine(Root, directory));
        File.WriteAllText(Path.Combine(Root, "etc/hosts"), "");
    }

    /// <summary>A directory that a volume of this name is, which belongs to the image's user as Docker would have it.</summary>
    internal async Task<string> Volume(string name)
    {
        var path = _folder.Folder($"volume-{name}");
        await RealProgram.Succeed("chown", [RunsAs, path]);
        return path;
    }

    /// <summary>Starts a container.</summary>
    /// <param name="host">Its network, with the names in it.</param>
    /// <param name="mounts">SOURCE:TARGET or SOURCE:TARGET:ro.</param>
    /// <param name="words">Entry point and command.</param>
    internal RealProgram Start(Host host, IReadOnlyList<string> mounts, IReadOnlyList<string> words)
    {
        var steps = new List<string>
        {
            "set -e", $"hostname {host.Name}", $"mount --bind {Root} {Root}", $"mount -t proc proc {Root}/proc", $"mount --rbind /dev {Root}/dev", $"mount --bind /etc/hosts {Root}/etc/hosts",
        };
        foreach (var mount in mounts.Select(m => m.Split(':')))
        {
            steps.Add($"mount --bind {mount[0]} {Root}{mount[1]}");
            if (mount.Length > 2)
                steps.Add($"mount -o remount,bind,ro {Root}{mount[1]}");
        }

        var (user, group) = (RunsAs.Split(':')[0], RunsAs.Split(':')[1]);
        steps.Add($"mount -o remount,bind,ro {Root}");
        steps.Add($"exec env -i {string.Join(' ', Texts(_config.GetProperty("Env")))} /usr/bin/setpriv --no-new-privs --clear-groups /usr/bin/unshare "
            + $"--root={Root} --wd={_config.GetProperty("WorkingDir").GetString()} --setgid={group} --setuid={user} -- \"$@\"");
        return RealProgram.Start(
            "unshare", ["--mount", "--uts", "--propagation", "private", "sh", "-c", string.Join('\n', steps), "sh", .. words], new ProgramOptions { Host = host, StopSignal = Signal.Kill });
    }

    public async ValueTask DisposeAsync()
    {
        // What buildah's chroot leaves mounted must not be looked into.
        await RealProgram.Run("buildah", [.. Storage(), "umount", "--all"]);
        _folder.Dispose();
    }

    private async Task Import(string name, params string[] environment)
    {
        var container = (await Buildah("from", "scratch")).Trim();
        await Buildah("add", "--quiet", container, _folder[name], "/");
        await Buildah(["config", .. environment.SelectMany(e => new[] { "--env", e }), container]);
        await Buildah("commit", "--quiet", "--format", "docker", "--disable-compression", "--rm", container, $"localhost/{name}");
    }

    private string[] Storage() => ["--root", _folder["storage"], "--runroot", _folder["buildah"], "--storage-driver", "vfs"];

    private Task<string> Buildah(params string[] arguments) => RealProgram.Succeed("buildah", [.. Storage(), .. arguments], within: Patience);

    private static string[] Texts(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
