using System.Globalization;
using System.Text;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Configuration;

namespace JunctionRelay.Tests.Licensing;

/// <summary>The presets, and docs/presets.md, which is made from them (UPDATE_DOCS=1).</summary>
public sealed class LicensePresetTests
{
    private const string Document = "docs/presets.md";
    private const string Begin = "<!-- presets: made from presets.json; see the end of this file -->\n";
    private const string End = "<!-- end of presets -->\n";

    [Fact]
    public void Each_has_a_source_and_says_something()
    {
        Assert.True(LicensePresets.All.Count >= 20, $"{LicensePresets.All.Count} presets");
        Assert.True(DateOnly.TryParseExact(LicensePresets.Version, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));
        Assert.All(LicensePresets.All, preset =>
        {
            Assert.False(string.IsNullOrWhiteSpace(preset.Value.Source), $"{preset.Key} has no source");
            Assert.Matches("^[a-z0-9-]+$", preset.Key);
            Assert.True(preset.Value.Instead is not null ^ (preset.Value.Port ?? (object?)preset.Value.Variable) is not null, $"{preset.Key} says nothing, or something beside what to do instead");
            Assert.All(new[] { preset.Value.Port, preset.Value.VendorPort }, p => Assert.True(p is null or (>= 1 and <= 65535)));
            Assert.True(preset.Value.Protocol is null or "flexlm");
            Assert.True(preset.Value.Entry is null or "host:port");
        });
    }

    [Theory]
    [InlineData("altair")]
    [InlineData("lstc")]
    [InlineData("wolfram")]
    [InlineData("nvidia")]
    public void What_no_source_confirms_is_left_out(string name) => Assert.DoesNotContain(LicensePresets.All.Keys, k => k.Contains(name, StringComparison.OrdinalIgnoreCase));

    [Fact]
    public void Managers_that_cannot_be_relayed_are_named_with_what_to_do_instead()
    {
        var impossible = LicensePresets.All.Where(p => p.Value.Instead is not null).ToList();
        Assert.Equal(["arden-webcnx", "sentinel-rms"], impossible.Select(p => p.Key).Order(StringComparer.Ordinal));
        foreach (var (name, preset) in impossible)
        {
            using var folder = new ConfigFolder().Write("junction.json", $$"""{ "relays": { "a": { "preset": "{{name}}", "listen": ["127.0.0.1:0"], "target": ["lic1:1"] } } }""");
            var problem = Assert.Single(folder.Problems("junction.json"));
            Assert.Contains("relays.a.preset", problem, StringComparison.Ordinal);
            Assert.Contains($"{preset.Product}, which cannot be relayed", problem, StringComparison.Ordinal);
            Assert.Contains(preset.Instead!, problem, StringComparison.Ordinal);
            Assert.Contains("UDP", preset.Instead, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_page_says_what_they_say()
    {
        var path = RepositoryFiles.Path(Document);
        var found = await File.ReadAllTextAsync(path);
        var (begin, end) = (found.IndexOf(Begin, StringComparison.Ordinal), found.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begin >= 0 && end > begin, $"{Document} has lost the markers around its tables");
        var shouldBe = found[..(begin + Begin.Length)] + Tables() + found[end..];
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            await File.WriteAllTextAsync(path, shouldBe);
        else
            Assert.Equal(shouldBe, found);
    }

    private static string Tables()
    {
        var text = new StringBuilder($"\nSources read on {LicensePresets.Version}.\n\n| preset | for | port | variable | second port | to know | source |\n|---|---|---|---|---|---|---|\n");
        foreach (var (name, preset) in LicensePresets.All.Where(p => p.Value.Instead is null))
        {
            var second = preset switch
            {
                { VendorPort: { } port } => $"vendor daemon, {port} unless changed",
                { Protocol: "flexlm" } => "vendor daemon, another one at every start unless pinned",
                _ => "",
            };
            var product = preset.HoldsFor is { } versions ? $"{preset.Product} ({versions})" : preset.Product;
            var variable = preset.Variable is null ? "" : $"`{preset.Variable}={(preset.Entry == "host:port" ? "host:port" : "port@host")}`";
            text.Append(CultureInfo.InvariantCulture, $"| `{name}` | {product} | {preset.Port} | {variable} | {second} | {preset.Note} | {preset.Source} |\n");
        }

        text.Append("\nOut of scope, with what to do instead:\n\n| preset | for | why not, and what instead | source |\n|---|---|---|---|\n");
        foreach (var (name, preset) in LicensePresets.All.Where(p => p.Value.Instead is not null))
            text.Append($"| `{name}` | {preset.Product} | {preset.Instead} | {preset.Source} |\n");
        return text.Append('\n').ToString();
    }
}
