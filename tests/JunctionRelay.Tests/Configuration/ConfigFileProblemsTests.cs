using System.Text;

namespace JunctionRelay.Tests.Configuration;

/// <summary>A file that cannot be used at all: one message, and nothing about keys that it would have had.</summary>
public sealed class ConfigFileProblemsTests : IDisposable
{
    private const string Good = """{ "relays": { "a": { "listen": ["127.0.0.1:1"], "target": ["lic:1"] } } }""";
    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Equal(
            ["junction.json: does not exist; create it, or name another with --config; docs/examples has one for each topology"],
            _folder.Problems());

    [Fact]
    public void A_directory_is_no_configuration() =>
        Assert.Equal(["certs: is a directory; name the file in it, e.g. certs/junction.json"], _folder.Problems("certs"));

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t\n")]
    [InlineData("// only a comment\n")]
    public void An_empty_file_is_called_so(string text) =>
        Assert.StartsWith("junction.json: is empty; the smallest configuration is ", Assert.Single(_folder.Write("junction.json", text).Problems()));

    [Fact]
    public void A_file_that_cannot_be_read_is_named_with_the_reason()
    {
        // Permissions do not stop root; the memory of a process stops everybody at its first, unmapped byte.
        File.CreateSymbolicLink(_folder.Path("junction.json"), "/proc/self/mem");
        Assert.Equal(["junction.json: cannot be read (Input/output error : 'junction.json'); let the user that runs junction read it"], _folder.Problems());
    }

    [Fact]
    public void A_broken_drop_in_is_named_with_its_line() =>
        Assert.StartsWith(
            "conf.d/x.json:2:1: is no JSON (",
            Assert.Single(_folder.Write("junction.json", """{ "relays": {} }""").Write("conf.d/x.json", "{\nx }").Problems()));

    [Fact]
    public void Every_broken_file_is_reported() =>
        Assert.Equal(2, _folder.Write("junction.json", "{").Write("conf.d/a.json", Good).Write("conf.d/b.json", "").Problems().Count);

    [Fact]
    public void What_editors_leave_behind_is_no_drop_in() =>
        Assert.Empty(_folder.Write("junction.json", Good).Write("conf.d/.x.json", "{").Write("conf.d/x.json~", "{").Write("conf.d/README", "").Problems());

    [Fact]
    public void A_byte_order_mark_is_skipped()
    {
        File.WriteAllText(_folder.Path("junction.json"), Good, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Assert.Empty(_folder.Problems());
    }

    [Fact]
    public void A_file_that_is_not_UTF8_is_no_JSON()
    {
        File.WriteAllText(_folder.Path("junction.json"), Good, Encoding.Unicode);
        Assert.StartsWith("junction.json:1:1: is no JSON (", Assert.Single(_folder.Problems()));
    }

    [Theory]
    [InlineData("{\n\"name\": \"\\ud800\" }")]
    [InlineData("{\n\"\\ud800\": 1 }")]
    public void Half_a_character_is_no_text(string text) =>
        Assert.Equal(
            ["junction.json:2: is no JSON (a text holds bytes that are no characters); save the file as UTF-8"],
            _folder.Write("junction.json", text).Problems());

    [Fact]
    public void Bytes_of_another_encoding_are_no_text()
    {
        File.WriteAllText(_folder.Path("junction.json"), "{ \"name\": \"M\u00fcnchen\" }", Encoding.Latin1);
        Assert.StartsWith("junction.json:1: is no JSON (", Assert.Single(_folder.Problems()));
    }

    [Fact]
    public void A_control_character_is_refused_before_it_meets_the_file_system() =>
        Assert.Equal(
            ["identity.certificate (junction.json:1): holds a control character; take it out"],
            _folder.Write("junction.json", """{ "identity": { "certificate": "a\u0000b" }, "relays": { "a": { "listen": "tls://*:1", "target": "lic:1" } } }""").Problems());

    [Fact]
    public void Nesting_without_end_is_no_JSON() =>
        Assert.StartsWith("junction.json:1:", Assert.Single(_folder.Write("junction.json", string.Concat(Enumerable.Repeat("{\"a\":", 100_000))).Problems()));

    [Fact]
    public void An_empty_name_of_a_file_is_a_missing_file() =>
        Assert.Contains("does not exist", Assert.Single(JunctionRelay.Configuration.ConfigReader.Read("", new Dictionary<string, string>()).Problems).ToString());

    [Fact]
    public void A_key_that_cannot_be_read_is_named_with_the_reason()
    {
        File.CreateSymbolicLink(_folder.Path("certs/unreadable.key"), "/proc/self/mem");
        _folder.Write("junction.json", """
            { "relays": { "a": { "listen": "tls://*:1", "target": "lic:1", "tls": { "certificate": "certs/server.crt", "key": "certs/unreadable.key" } } } }
            """);
        Assert.StartsWith(
            "relays.a.tls.key (junction.json:1): certs/unreadable.key cannot be read (Input/output error", Assert.Single(_folder.Problems()));
    }

    [Fact]
    public void Paths_are_relative_to_the_file_wherever_the_process_runs()
    {
        _folder.Write("deep/er/junction.json", """{ "identity": { "certificate": "../../certs/both.pem" }, "relays": { "a": { "listen": "tls://*:1", "target": "lic:1" } } }""");
        Assert.Empty(_folder.Problems("deep/er/junction.json"));
        Assert.Equal(_folder.Path("deep/er"), _folder.Read("deep/er/junction.json").Home);
    }

    [Fact]
    public void An_identity_directory_holds_three_files()
    {
        foreach (var (from, to) in new[] { ("cloud.crt", "junction.crt"), ("cloud.key", "junction.key"), ("ca.crt", "ca.crt") })
            _folder.Write($"id/{to}", File.ReadAllText(_folder.Path($"certs/{from}")));
        _folder.Write("junction.json", """{ "identity": { "directory": "id" }, "relays": { "a": { "listen": "tls://*:1", "target": "lic:1" } } }""");
        Assert.Empty(_folder.Problems());
        File.Delete(_folder.Path("id/ca.crt"));
        Assert.StartsWith("identity.directory (junction.json:1): id/ca.crt does not exist", Assert.Single(_folder.Problems()));
    }
}
