using System.Reflection.PortableExecutable;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>make publish-all</c>: one file with .NET in it for Linux, which works where there is no .NET; one for Windows, which is a Windows program and no more is known of it here; and
/// one without .NET, which works where that is.
/// </summary>
[Trait(Size.Name, Size.Release)]
public sealed class OtherSystemsHaveTheirProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    [Fact]
    public async Task Programs_are_published_for_other_systems()
    {
        using var folder = new TemporaryFolder();
        await RealProgram.Succeed("make", ["publish-all", $"OUT={folder.Path}"], new ProgramOptions { Folder = Path.GetDirectoryName(Repository.File("Makefile")) }, Patience);

        await RealProgram.Succeed("env", ["-i", $"HOME={folder.Path}", folder["linux-x64/junction"], "demo"]);
        await RealProgram.Succeed("dotnet", [folder["any/junction.dll"], "demo"]);
        using var windows = new PEReader(File.OpenRead(folder["win-x64/junction.exe"]));
        Assert.Equal((Machine.Amd64, Subsystem.WindowsCui), (windows.PEHeaders.CoffHeader.Machine, windows.PEHeaders.PEHeader!.Subsystem));
    }
}
