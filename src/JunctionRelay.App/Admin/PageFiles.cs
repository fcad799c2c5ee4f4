using System.Security.Cryptography;

namespace JunctionRelay.App.Admin;

/// <summary>One file of the status page.</summary>
/// <param name="Tag">Changes with the content (RFC 9110, 8.8.3).</param>
internal sealed record PageFile(string Type, byte[] Content, string Tag);

/// <summary>The status page: its files are part of the program and are found by their whole path, so that no path leads anywhere else.</summary>
internal sealed class PageFiles
{
    private const string Prefix = "page/";

    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
        [".txt"] = "text/plain; charset=utf-8",
        [".woff2"] = "font/woff2",
    };

    private readonly Dictionary<string, PageFile> _files;

    public PageFiles()
    {
        var assembly = typeof(PageFiles).Assembly;
        _files = assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(n => "/" + n[Prefix.Length..], n =>
        {
            using var resource = assembly.GetManifestResourceStream(n)!;
            var content = new byte[resource.Length];
            resource.ReadExactly(content);
            return new PageFile(Types[Path.GetExtension(n)], content, $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8))}\"");
        });
    }

    /// <summary>All paths.</summary>
    public IEnumerable<string> Paths => _files.Keys;

    public PageFile? Find(string path) => _files.GetValueOrDefault(path == "/" ? "/index.html" : path);
}
