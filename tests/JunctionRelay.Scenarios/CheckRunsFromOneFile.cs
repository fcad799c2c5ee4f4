using System.Text.RegularExpressions;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>junction check</c> where nothing is installed: one file, published by the line of <c>docs/troubleshooting.md</c>, in a file system that holds nothing beside it but the libraries which the
/// document names, run by a user without rights, home or a place to write; and what is said where they are older, or not there.
/// </summary>
[Trait(Size.Name, Size.Release)]
public sealed partial class CheckRunsFromOneFile
{
    private const string Server = "127.0.0.2";

    private static readonly TimeSpan Publishing = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task One_file_and_one_line_walk_to_a_license_server()
    {
        using var folder = new TemporaryFolder();
        var document = DocumentedSection.Read("docs/troubleshooting.md", "### On a compute node without anything");
        var file = await PublishAsync(document, folder);
        Assert.InRange(new FileInfo(file).Length, 60_000_000, 130_000_000);   // "100 MB"

        // What the loader asks for, on its own behalf and the file's; of all that it wants of glibc the newest counts.
        var wanted = await RealProgram.Succeed("ldd", ["-v", file]);
        Assert.Equal(Floor().Match(document.Text).Groups["version"].Value, OwnVersions(wanted, file).MaxBy(Version.Parse));
        var libraries = Library().Matches(wanted.Split("Version information")[0]).Select(m => m.Groups["path"].Value).ToList();
        Assert.DoesNotContain(libraries, l => l.Contains("ssl", StringComparison.Ordinal));
        var root = Bare(folder.Folder("bare"), file, libraries);

        var lmgrd = FreePort.Next();
        await using var licenses = await SimulatedLicenses.Start(Server, lmgrd, FreePort.Next(), 1, hostName: Server);
        var check = await RunAsync(root, "check", $"{lmgrd}@{Server}");
        Assert.True(check.ExitCode == 0 && check.Output.EndsWith($"{lmgrd}@{Server}: ok\n", StringComparison.Ordinal), $"{check}");
        Assert.Equal("", check.Error);
        var json = await RunAsync(root, "check", $"{FreePort.Next()}@{Server}", "--json");
        Assert.True(json.ExitCode == 11 && json.Output.Contains("\"client\": \"-15: ", StringComparison.Ordinal), $"{json}");
        Assert.Equal(0, await licenses.HeldWithin(0, Deadline.Soon));

        var withoutTls = await RunAsync(root, "pki", "init", "--directory", "/pki");
        Assert.True(withoutTls.ExitCode == 69, $"{withoutTls}");
        Assert.StartsWith("junction: this needs TLS, and there is no OpenSSL on this machine", withoutTls.Error, StringComparison.Ordinal);

        // Below the floor: a glibc that does not have the version which is wanted, and none at all.
        var old = Bare(folder.Folder("old"), file, libraries);
        foreach (var library in libraries) Age(Path.Join(old, library));
        var below = await RunAsync(old, "check", $"{lmgrd}@{Server}");
        Assert.NotEqual(0, below.ExitCode);
        Assert.Contains("version `GLIBC_2.27' not found", below.Error, StringComparison.Ordinal);
        Assert.Contains("version `GLIBC_2.27' not found", document.Text, StringComparison.Ordinal);
        var none = await RunAsync(Bare(folder.Folder("none"), file, []), "check", $"{lmgrd}@{Server}");
        Assert.True(none.ExitCode == 127 && none.Error.Contains("No such file or directory", StringComparison.Ordinal), $"{none}");
    }

    // As the document says it; what is built stays away from what is built here.
    private static async Task<string> PublishAsync(DocumentedSection document, TemporaryFolder folder)
    {
        var line = document.Commands.Split('\n')[0];
        Assert.StartsWith("dotnet publish src/JunctionRelay.App ", line, StringComparison.Ordinal);
        Assert.EndsWith(" -o out/one-file", line, StringComparison.Ordinal);
        var words = line.Split(' ')[1..^2];
        await RealProgram.Succeed(
            "dotnet", [.. words, "-p:RunAnalyzers=false", "--artifacts-path", folder["build"], "-o", folder["one-file"]],
            new ProgramOptions { Folder = Path.GetDirectoryName(Repository.File("Makefile")) }, Publishing);
        return folder["one-file/junction"];
    }

    // A file system with this file and these libraries; nobody may write there.
    private static string Bare(string root, string file, IReadOnlyList<string> libraries)
    {
        Directory.CreateDirectory(Path.Join(root, "proc"));
        foreach (var library in libraries)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Join(root, library))!);
            File.Copy(library, Path.Join(root, library));
        }

        File.Copy(file, Path.Join(root, "junction"));
        return root;
    }

    // Its GLIBC_2.27 by another name: a library from before that version existed has none.
    private static void Age(string library)
    {
        var bytes = File.ReadAllBytes(library);
        for (int at; (at = bytes.AsSpan().IndexOf("GLIBC_2.27\0"u8)) >= 0;) bytes[at + 8] = (byte)'X';
        File.WriteAllBytes(library, bytes);
    }

    private static Task<ProgramResult> RunAsync(string root, params string[] arguments) => RealProgram.Run(
        "env", ["-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "unshare", "--mount", "--pid", "--fork", $"--mount-proc={root}/proc", "chroot", "--userspec=65534:65534", root, "/junction", .. arguments], within: TimeSpan.FromSeconds(60));

    // Of the file itself, not of the libraries that it brings in.
    private static IEnumerable<string> OwnVersions(string wanted, string file)
    {
        var own = wanted.Split("Version information:")[1].Split($"\t{file}:\n")[1].Split('\n').TakeWhile(l => l.StartsWith("\t\t", StringComparison.Ordinal));
        return own.SelectMany(l => OneVersion().Matches(l)).Select(m => m.Groups["version"].Value);
    }

    [GeneratedRegex(@"GLIBC_(?<version>2\.[0-9]+)\)")]
    private static partial Regex OneVersion();

    [GeneratedRegex(@"(?m)(=> |^\s)(?<path>/\S+) \(0x")]
    private static partial Regex Library();

    [GeneratedRegex(@"glibc (?<version>2\.[0-9]+) \(")]
    private static partial Regex Floor();
}
