using System.Text.Json.Nodes;

namespace JunctionRelay.Tests.Configuration;

/// <summary>The reference in <c>docs/</c> says what the code does. With UPDATE_DOCS=1 these tests write it (see the end of docs/configuration.md).</summary>
public sealed class ConfigReferenceTests
{
    [Fact]
    public void The_schema_equals_the_one_that_the_code_exports() => AssertCurrent("docs/junction.schema.json", _ => ConfigSchema.Export());

    [Fact]
    public void The_tables_of_keys_equal_the_ones_that_the_code_makes() => AssertCurrent("docs/configuration.md", ConfigReference.Renew);

    [Fact]
    public void Every_key_that_foundin_the_schema_foundin_the_file_that_uses_every_key()
    {
        var missing = new List<string>();
        var everything = JsonNode.Parse(
            File.ReadAllText(RepositoryFiles.Path("tests/JunctionRelay.Tests/Configuration/Files/valid/every-key.json")),
            documentOptions: new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip, AllowTrailingCommas = true })!;
        Compare(JsonNode.Parse(ConfigSchema.Export())!, everything, "", missing);
        // Stands for the three files, which stand there; a service's clients bring their own; data excludes its file; and the admin endpoint dials nobody.
        Assert.Equal(["identity.directory", "services.*.auth.mech", "services.*.auth.data", "services.*.auth.dataFile", "relays.*.auth.dataFile", "admin.tls.serverName"], missing);
    }

    private static void Compare(JsonNode schema, JsonNode? value, string path, List<string> missing)
    {
        if (value is null)
            missing.Add(path);
        foreach (var (key, below) in (schema["properties"] as JsonObject ?? []).Where(_ => value is not null))
            Compare(below!, value![key], path.Length == 0 ? key : $"{path}.{key}", missing);
        if (schema["additionalProperties"] is JsonObject entry)
            Compare(entry, Together(value!.AsObject()), $"{path}.*", missing);
    }

    // Some keys exclude each other, so that one entry cannot hold them all.
    private static JsonObject Together(JsonObject entries)
    {
        Assert.NotEmpty(entries);
        var all = new JsonObject();
        foreach (var (key, value) in entries.SelectMany(e => e.Value!.AsObject()))
            all[key] = value?.DeepClone();
        return all;
    }

    private static void AssertCurrent(string file, Func<string, string> make)
    {
        var path = RepositoryFiles.Path(file);
        var found = File.Exists(path) ? File.ReadAllText(path) : "";
        var shouldBe = make(found);
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, shouldBe);
        else
            Assert.Equal(shouldBe, found);
    }
}
