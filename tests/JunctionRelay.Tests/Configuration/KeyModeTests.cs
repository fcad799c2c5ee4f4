using JunctionRelay.Configuration;

namespace JunctionRelay.Tests.Configuration;

/// <summary>A configuration whose keys others can read does not start.</summary>
public sealed class KeyModeTests : IDisposable
{
    private const string Config = """
        { "identity": { "certificate": "certs/server.crt", "key": "certs/server.key" }, "relays": { "a": { "listen": ["tls://*:1"], "target": ["lic:1"] } } }
        """;

    private readonly ConfigFolder _folder = new ConfigFolder().Write("junction.json", Config);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_loose_key_is_a_problem_that_says_what_to_type()
    {
        Assert.Empty(_folder.Problems());
        File.SetUnixFileMode(_folder.Path("certs/server.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Equal(
            ["identity.key (junction.json:1): certs/server.key holds a private key and can be read by others (mode 0604); chmod 600 certs/server.key"], _folder.Problems());
    }

    [Fact]
    public void Files_as_SPIFFE_helpers_write_them_are_an_identity()
    {
        Directory.CreateDirectory(_folder.Path("svid"));
        File.Copy(_folder.Path("certs/server.crt"), _folder.Path("svid/svid.pem"));
        File.Copy(_folder.Path("certs/server.key"), _folder.Path("svid/svid_key.pem"));
        File.Copy(_folder.Path("certs/ca.crt"), _folder.Path("svid/svid_bundle.pem"));
        _folder.Write("junction.json", Config.Replace("\"certificate\": \"certs/server.crt\", \"key\": \"certs/server.key\"", "\"directory\": \"svid\"", StringComparison.Ordinal));
        Assert.Empty(_folder.Problems());
        Assert.NotEmpty(RelayPlanBuilder.Build(_folder.Config(), _folder.Root, TimeProvider.System).Relays);
    }
}
