using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Commands;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Configuration;

namespace JunctionRelay.Tests.Licensing;

/// <summary>
/// License files as they come, and all that <c>junction import</c> makes of them. The first line of a golden file is the command; UPDATE_GOLDEN=1 writes
/// what follows it.
/// </summary>
public sealed partial class LicenseImportTests
{
    private const string Files = "tests/JunctionRelay.Tests/Licensing/Files";

    public static TheoryData<string> Golden => [.. Names("*.golden")];

    [Fact]
    public void There_are_license_files_of_many_spellings() => Assert.True(Names("*.lic").Count >= 30, $"{Names("*.lic").Count} license files");

    [Theory, MemberData(nameof(Golden))]
    public async Task An_import_makes_what_it_made_before(string golden)
    {
        var path = RepositoryFiles.Path($"{Files}/{golden}");
        var found = (await File.ReadAllTextAsync(path)).ReplaceLineEndings("\n");
        var command = found.Split('\n')[0];
        using var folder = new ImportFolder();
        var result = $"{command}\n{await folder.ImportAsync(command)}";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            await File.WriteAllTextAsync(path, result);
        else
            Assert.Equal(result, found);
    }

    [Theory, MemberData(nameof(Golden))]
    public async Task Configurations_that_are_made_are_valid(string golden)
    {
        var command = (await File.ReadAllLinesAsync(RepositoryFiles.Path($"{Files}/{golden}")))[0];
        using var folder = new ImportFolder();
        await folder.ImportAsync(command);
        using var config = new ConfigFolder();
        await MakeAuthorityAsync(config.Path("made"));
        foreach (var (name, text) in folder.Made.Where(f => f.Name.EndsWith(".json", StringComparison.Ordinal)))
        {
            Assert.Empty(config.Write($"made/{name}", text).Problems($"made/{name}"));
            RelayPlanBuilder.Build(config.Read($"made/{name}").Config!, config.Path("made"), TimeProvider.System);
        }
    }

    /// <summary>What <c>junction env</c> and <c>junction hosts</c> say of a configuration that was imported, where the server's name stands behind a link.</summary>
    [Theory, MemberData(nameof(Golden))]
    public async Task Configurations_that_are_made_know_their_nodes_environment_and_hosts(string golden)
    {
        var command = (await File.ReadAllLinesAsync(RepositoryFiles.Path($"{Files}/{golden}")))[0];
        using var folder = new ImportFolder();
        await folder.ImportAsync(command);
        if (folder.Made.FirstOrDefault(f => f.Name == "cloud.json") is not { Text: { } cloud }) return;
        using var config = new ConfigFolder();
        await MakeAuthorityAsync(config.Path("made"));
        var read = config.Write("made/cloud.json", cloud).Read("made/cloud.json").Config!;
        var (variables, problems) = NodeEnvironment.Of(read, junction: null);
        Assert.Empty(problems);
        var made = folder.Made.Single(f => f.Name == "license.env").Text;
        // A vendor daemon's own variable is not the configuration's to know; where the servers are, it knows as well as the license file.
        Assert.All(variables.SelectMany(v => v.Entries), entry => Assert.Contains(entry, made, StringComparison.Ordinal));
        if (command.Contains("--sentieon", StringComparison.Ordinal)) Assert.Contains(variables, v => v.Name == "SENTIEON_LICENSE");
        // Relays have no order, and hosts lines need none.
        var names = NodeHosts.Of(read, junction: null).Names;
        Assert.Equal(
            (folder.Made.FirstOrDefault(f => f.Name == "hosts").Text ?? "").Split('\n').Order(StringComparer.Ordinal),
            (names.Count > 0 ? HostsBlock.Of(names) : "").Split('\n').Order(StringComparer.Ordinal));
    }

    // What the first of the printed lines leave behind.
    private static async Task MakeAuthorityAsync(string root)
    {
        using var pki = PkiDirectory.Init(Path.Combine(root, "pki"), "junction.internal", "enterprise", TimeSpan.FromDays(30), TimeProvider.System);
        using var held = await pki.LockAsync(CancellationToken.None);
        var identity = new IdentityDirectory(Path.Combine(root, "identity"));
        using var key = identity.KeepKey();
        using var issued = pki.Issue(
            new NodeRecord { Name = "enterprise", Key = "", Serial = "", Joined = TimeProvider.System.GetUtcNow() }, new PublicKey(key), TimeSpan.FromDays(1));
        identity.Write(issued.ExportCertificatePem() + "\n", pki.TrustPem);
    }

    [Theory, MemberData(nameof(Golden))]
    public async Task Hostids_and_license_lines_never_leave_the_file(string golden)
    {
        var text = (await File.ReadAllTextAsync(RepositoryFiles.Path($"{Files}/{golden}"))).ReplaceLineEndings("\n");
        var secrets = Names("*.lic").Where(f => f != "binary.lic").SelectMany(f => Secrets(File.ReadAllText(RepositoryFiles.Path($"{Files}/{f}")))).Distinct().ToList();
        Assert.Contains("0050568a1b2c", secrets);
        Assert.Contains("SECRETBOX", secrets);
        Assert.DoesNotContain(secrets, s => text.Contains(s, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_file_that_is_there_is_replaced_only_when_told()
    {
        using var folder = new ImportFolder();
        await folder.ImportAsync("$ junction import plain.lic");
        Assert.Contains("exit 78", await folder.ImportAsync("$ junction import plain.lic --server-name x"), StringComparison.Ordinal);
        Assert.Contains("exit 0", await folder.ImportAsync("$ junction import plain.lic --force"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--listen 0.0.0.0", "--listen 0.0.0.0")]
    [InlineData("--listen junction", "--listen junction")]
    [InlineData("--enterprise hq", "--enterprise hq: 'hq' has no port")]
    [InlineData("--enterprise tls://hq:1", "--enterprise tls://hq:1")]
    [InlineData("--nodes 10.0.0.7/8", "--nodes 10.0.0.7/8")]
    [InlineData("--sentieon 8990@lic", "write lic:8990")]
    [InlineData("--server-name this_host", "--server-name this_host")]
    [InlineData("--server-name 10.1.2.3", "--server-name 10.1.2.3")]
    public void A_wrong_option_is_named(string line, string expected) =>
        Assert.Contains(ImportCommand.Create().Parse(line).Errors, e => e.Message.Contains(expected, StringComparison.Ordinal));

    private static List<string> Names(string pattern) =>
        [.. Directory.GetFiles(RepositoryFiles.Path(Files), pattern).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    // The words of SERVER and HOST lines where hostids stand, and the long words of license lines.
    private static IEnumerable<string> Secrets(string file) =>
        Hostid().Matches(file.Replace("\\\r\n", " ", StringComparison.Ordinal).Replace("\\\n", " ", StringComparison.Ordinal)).SelectMany(m => m.Groups["id"].Value.Trim('"').Split(' ', '='))
            .Where(s => s.Length > 5 && s is not ("INTERNET" or "HOSTNAME" or "COMPOSITE" or "nobody"))
            .Concat(["CUST:4711", "SIGN", "89AB", "f81efcf79a", "60PG45", "31-dec-2026"]);

    [GeneratedRegex("""(?im)^\s*(server|host)\s+[\w.:-]+\s+(?<id>"[^"]*"|\S+)""")]
    private static partial Regex Hostid();

    // Said by the test, not by the command of the golden file; not that of a directory below it.
    [GeneratedRegex("""(?m) --out DIR(?![/\w])""")]
    private static partial Regex OwnFolder();

    /// <summary>An empty directory beside the license files, and the command run in it.</summary>
    private sealed class ImportFolder : IDisposable
    {
        private readonly string _root = Directory.CreateTempSubdirectory("junction-import-").FullName;

        public IEnumerable<(string Name, string Text)> Made => Directory.GetFiles(_root).Order(StringComparer.Ordinal).Select(f => (Path.GetFileName(f), File.ReadAllText(f)));

        /// <summary>Exit code, what it said, and every file that it made.</summary>
        public async Task<string> ImportAsync(string line)
        {
            Assert.StartsWith("$ junction import", line, StringComparison.Ordinal);
            var root = new RootCommand { ImportCommand.Create() };
            var arguments = line.Split(' ')[2..].Select(a => a.EndsWith(".lic", StringComparison.Ordinal) ? RepositoryFiles.Path($"{Files}/{a}") : a);
            using StringWriter output = new(CultureInfo.InvariantCulture), error = new(CultureInfo.InvariantCulture);
            var exit = await root.Parse([.. arguments, "--out", _root]).InvokeAsync(new InvocationConfiguration { Output = output, Error = error });

            var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"exit {exit}\n").Append(output).Append(error);
            foreach (var (name, made) in exit == ExitCodes.Ok ? Made : [])
                text.Append(CultureInfo.InvariantCulture, $"\n==> {name}\n{made}");
            return OwnFolder().Replace(text.Replace(_root, "DIR").Replace(RepositoryFiles.Path($"{Files}/"), "").ToString().ReplaceLineEndings("\n"), "");
        }

        public void Dispose() => Directory.Delete(_root, recursive: true);
    }
}
