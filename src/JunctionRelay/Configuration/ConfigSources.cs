using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace JunctionRelay.Configuration;

/// <summary>
/// Where the configuration comes from, the later over the earlier: the file, <c>conf.d/*.json</c> beside it in the order of their names, the
/// environment, the command line. Levels are merged key by key; a list is replaced as a whole.
/// </summary>
internal static partial class ConfigSources
{
    /// <summary>What begins the name of an environment variable that is configuration; <c>__</c> stands between levels.</summary>
    public const string EnvironmentPrefix = "JUNCTION_";

    /// <summary>Variables of ours that are not configuration.</summary>
    public static readonly IReadOnlyList<string> OtherVariables = ["JUNCTION_JOIN_TOKEN"];

    /// <summary>
    /// Reads all layers; null when a file cannot be used, as without it the rest would be called incomplete for no fault of its own. Without a
    /// file (<c>forward</c>, <c>demo</c>) the command line says everything.
    /// </summary>
    /// <param name="overrides">What the command line says: keys with colons between the levels.</param>
    public static IReadOnlyList<ConfigLayer>? Read(
        string? file, IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string> overrides, List<ConfigProblem> problems)
    {
        var files = file is null ? [] : DropIns(file, problems)?.Prepend(file).ToList();
        var layers = files?.Select(f => JsonLayer.Read(f, problems)).ToList();
        if (layers is null || layers.Contains(null))
            return null;

        layers.Add(ConfigLayer.OfText(environment
            .Where(v => IsConfiguration(v.Key)).OrderBy(v => v.Key, StringComparer.Ordinal)
            .Select(v => (v.Key[EnvironmentPrefix.Length..].Replace("__", ":", StringComparison.Ordinal), v.Value, v.Key)), problems));
        layers.Add(ConfigLayer.OfText(overrides
            .OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => (o.Key, o.Value, "command line")), problems));
        return layers!;
    }

    /// <summary>What all files of a configuration hold, in 32 bytes: two that differ mean that something has changed, when it may have been a comment.</summary>
    public static byte[] Fingerprint(string file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in DropIns(file, [])?.Prepend(file) ?? [])
        {
            byte[] content;
            try
            {
                content = File.ReadAllBytes(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                content = Encoding.UTF8.GetBytes(e.Message);
            }

            hash.AppendData(Encoding.UTF8.GetBytes(path));
            hash.AppendData(SHA256.HashData(content));
        }

        return hash.GetHashAndReset();
    }

    /// <summary>The layers as the framework merges them.</summary>
    public static IConfigurationRoot Merge(IEnumerable<ConfigLayer> layers)
    {
        var builder = new ConfigurationBuilder();
        foreach (var layer in layers)
            builder.Add(layer);
        return builder.Build();
    }

    // Names that begin with a dot are what editors leave behind while a file is open.
    private static List<string>? DropIns(string file, List<ConfigProblem> problems)
    {
        var directory = Path.Combine(Path.GetDirectoryName(file) ?? "", "conf.d");
        try
        {
            return !Directory.Exists(directory) ? []
                : Directory.EnumerateFiles(directory, "*.json").Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal).ToList();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var flaw = JsonLayer.Unreadable(e);
            problems.Add(new ConfigProblem(directory, flaw.What, flaw.Remedy));
            return null;
        }
    }

    private static bool IsConfiguration(string variable) =>
        variable.StartsWith(EnvironmentPrefix, StringComparison.OrdinalIgnoreCase)
        && !OtherVariables.Contains(variable, StringComparer.OrdinalIgnoreCase)
        && !KubernetesService().IsMatch(variable);

    // Kubernetes tells every pod where each service is; a service called "junction" or "junction-hq" does so in names that begin like ours.
    [GeneratedRegex("^JUNCTION_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$")]
    private static partial Regex KubernetesService();
}
