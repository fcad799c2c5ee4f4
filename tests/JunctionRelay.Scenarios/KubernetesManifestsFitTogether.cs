using System.Globalization;
using System.Text.Json;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// The manifests of docker/kubernetes parse, are what Kubernetes' published API says, name each other rightly, and hold a configuration that <c>junction validate</c> accepts. No
/// cluster is involved.
/// </summary>
public sealed class KubernetesManifestsFitTogether
{
    private const string Manifests = "docker/kubernetes/junction.yaml";

    // Kubernetes' Python client is generated from Kubernetes' OpenAPI: which keys an object has, of which kinds, and which it must have.
    private const string Models = """
        import re, sys, yaml
        from kubernetes import client
        def look(kind, value, path):
            if m := re.fullmatch(r"list\[(.+)\]", kind):
                if not isinstance(value, list): return [f"{path} is no list"]
                return [p for i, v in enumerate(value) for p in look(m[1], v, f"{path}[{i}]")]
            if not hasattr(client, kind) and not kind.startswith("dict("):
                # An integer or a name, as of a port, is an object there.
                return [] if kind in ("object", type(value).__name__) else [f"{path}: {value!r} is no {kind}"]
            if not isinstance(value, dict): return [f"{path} is no {kind}"]
            if m := re.fullmatch(r"dict\(str, (.+)\)", kind):
                return [p for k, v in value.items() for p in look(m[1], v, f"{path}.{k}")]
            model = getattr(client, kind)
            names = {v: k for k, v in model.attribute_map.items()}
            problems = [f"{path}: {kind} has no {k}" for k in value if k not in names]
            known = {names[k]: v for k, v in value.items() if k in names}
            problems += [p for k, v in known.items() for p in look(model.openapi_types[k], v, f"{path}.{model.attribute_map[k]}")]
            try: model(**known)
            except ValueError as e: problems.append(f"{path}: {e}")
            return problems
        for m in yaml.safe_load_all(sys.stdin):
            version = m["apiVersion"].split("/")[-1]
            print(*look(version.title() + m["kind"], m, m["kind"]), m["kind"], sep="\n")
        """;

    [Fact]
    public async Task Every_key_is_one_that_kubernetes_knows()
    {
        var text = File.ReadAllText(Repository.File(Manifests));
        Assert.Equal(["ConfigMap", "Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy"], await Look(text));

        // It would notice.
        var spoilt = text.Replace("replicas: 4", "replicas: many", StringComparison.Ordinal).Replace("maxSurge", "mostSurge", StringComparison.Ordinal).Replace("containerPort: 9180, ", "", StringComparison.Ordinal);
        Assert.Equal(
            [
                "ConfigMap", "Service", "Deployment.spec.replicas: 'many' is no int", "Deployment.spec.strategy.rollingUpdate: V1RollingUpdateDeployment has no mostSurge",
                "Deployment.spec.template.spec.containers[0].ports[1]: Invalid value for `container_port`, must not be `None`", "Deployment", "PodDisruptionBudget", "NetworkPolicy",
            ],
            await Look(spoilt));

        static async Task<string[]> Look(string manifests) =>
            (await RealProgram.Succeed("/usr/bin/python3", ["-c", Models], new ProgramOptions { Input = manifests })).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task Names_ports_users_and_times_agree_and_the_configuration_is_valid()
    {
        var json = await RealProgram.Succeed(
            "python3", ["-c", "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))", Repository.File(Manifests)]);
        using var parsed = JsonDocument.Parse(json);
        var manifests = parsed.RootElement.EnumerateArray().ToDictionary(m => m.GetProperty("kind").GetString()!);
        Assert.Equal(["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"], manifests.Keys.Order());
        Assert.All(manifests.Values, m => Assert.Equal("junction in licenses", $"{At(m, "metadata.name")} in {At(m, "metadata.namespace")}"));

        var (deployment, pod) = (manifests["Deployment"], At(manifests["Deployment"], "spec.template.spec"));
        var labels = At(deployment, "spec.template.metadata.labels").GetRawText();
        foreach (var selector in new[]
        {
            At(deployment, "spec.selector.matchLabels"), At(manifests["Service"], "spec.selector"), At(manifests["PodDisruptionBudget"], "spec.selector.matchLabels"),
            At(manifests["NetworkPolicy"], "spec.podSelector.matchLabels"),
        })
            Assert.Equal(labels, selector.GetRawText());
        Assert.Equal("None", At(manifests["Service"], "spec.clusterIP").GetString());

        // The configuration, with its identity and token where the Secrets would be.
        using var folder = new TemporaryFolder();
        var authority = await SiteAuthority.Init(folder);
        var identity = await authority.Issue("junction");
        var said = At(manifests["ConfigMap"], "data").GetProperty("junction.json").GetString()!;
        var mounts = At(pod, "containers")[0].GetProperty("volumeMounts").EnumerateArray().Select(m => m.GetProperty("mountPath").GetString()!).ToList();
        Assert.Contains("/etc/junction", mounts);
        foreach (var path in new[] { "/run/secrets/junction/identity", "/run/secrets/junction/admin" })
        {
            Assert.Contains(path, mounts);
            Assert.Contains(path, said, StringComparison.Ordinal);
        }

        folder.Write("token", "0123456789abcdef0123456789abcdef\n");
        var file = folder.Write("junction.json", said
            .Replace("/run/secrets/junction/identity", identity, StringComparison.Ordinal).Replace("/run/secrets/junction/admin/token", folder["token"], StringComparison.Ordinal));
        var validated = await JunctionProcess.Run("validate", file);
        Assert.True(validated.ExitCode == 0, $"{validated}");

        using var config = JsonDocument.Parse(said, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
        var ports = At(pod, "containers")[0].GetProperty("ports").EnumerateArray().ToDictionary(p => p.GetProperty("name").GetString()!, p => p.GetProperty("containerPort").GetInt32());
        Assert.Equal($"[::]:{ports["link"]}", config.RootElement.GetProperty("linkListen")[0].GetString());
        Assert.Equal($"[::]:{ports["admin"]}", At(config.RootElement, "admin.listen").GetString());
        Assert.Equal(ports["link"], At(manifests["Service"], "spec.ports")[0].GetProperty("port").GetInt32());
        Assert.Equal([ports["link"], ports["admin"]], At(manifests["NetworkPolicy"], "spec.ingress").EnumerateArray().Select(i => i.GetProperty("ports")[0].GetProperty("port").GetInt32()));
        var drain = config.RootElement.GetProperty("drainTimeout").GetString()!;
        Assert.EndsWith("h", drain, StringComparison.Ordinal);
        Assert.True(At(pod, "terminationGracePeriodSeconds").GetInt32() > int.Parse(drain[..^1], CultureInfo.InvariantCulture) * 3600);

        // Whom the image runs as.
        var user = File.ReadLines(Repository.File("docker/Dockerfile")).Single(l => l.StartsWith("USER ", StringComparison.Ordinal))["USER ".Length..];
        Assert.Equal(user, $"{At(pod, "securityContext.runAsUser")}:{At(pod, "securityContext.runAsGroup")}");
        Assert.Equal(user.Split(':')[1], $"{At(pod, "securityContext.fsGroup")}");
    }

    private static JsonElement At(JsonElement element, string path) => path.Split('.').Aggregate(element, (e, name) => e.GetProperty(name));
}
