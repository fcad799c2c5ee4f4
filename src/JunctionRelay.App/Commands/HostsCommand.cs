using System.CommandLine;
using System.Net;
using System.Text;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Files;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction hosts</c>: the lines by which a machine takes the junction for its servers; printed, or kept in its hosts file.</summary>
internal static class HostsCommand
{
    private const string Loopback = "127.0.0.1";

    // Somebody else who edits the file at the same time is let finish.
    private const int MostTries = 5;

    private const int ReadOnlyFileSystem = 30;   // EROFS

    private static readonly Option<bool> Apply = new("--apply") { Description = "Put the block into the hosts file, in place of the one that is there; every other line stays as it is" };

    private static readonly Option<bool> Remove = new("--remove") { Description = "Take the block out of the hosts file; needs no configuration" };

    private static readonly Option<string?> Junction = new("--junction")
    {
        Description = "The address at which this machine finds relays that listen on every address",
        HelpName = "ADDRESS",
    };

    private static readonly Option<string?> HostsFile = new("--file")
    {
        Description = $"The hosts file (default: {Path.Combine("/etc", "hosts")}; on Windows that in System32\\drivers\\etc)",
        HelpName = "FILE",
    };

    public static Command Create()
    {
        var command = HelpExamples.Add(
            new Command("hosts", "Print the hosts block by which a machine takes the junction for its servers, or keep it in the hosts file (exit code 77 without the right to write it)"),
            """
            junction hosts -c junction.json               what it would be
            sudo junction hosts -c junction.json --apply  into /etc/hosts, which is kept as /etc/hosts.junction-backup
            sudo junction hosts --remove                  out again: the file is as it was
            junction hosts --junction 10.128.0.5          for nodes of a junction that listens on every address
            """);
        foreach (var option in new Option[] { Apply, Remove, Junction, HostsFile })
            command.Options.Add(option);
        var config = new ConfigOptions(command, hasArgument: false);
        LicenseArguments.Check(Junction, text => AddressText.Ip(text) is { } ip && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any) ? null : "an address, please, for a hosts file: 10.128.0.5");
        command.Validators.Add(result =>
        {
            if (result.GetValue(Apply) && result.GetValue(Remove)) result.AddError("--apply and --remove: one of the two, please");
        });
        command.SetAction(parsed => Run(config, parsed, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command;
    }

    /// <summary>Where a system keeps its hosts file.</summary>
    internal static string PathOn(bool isWindows) => isWindows ? Path.Combine(Environment.SystemDirectory, "drivers", "etc", "hosts") : "/etc/hosts";

    /// <summary>The commands without which macOS has no loopback address but 127.0.0.1; they hold until the next start of the machine.</summary>
    internal static IEnumerable<string> Aliases(IEnumerable<string> addresses) =>
        addresses.Where(a => a != Loopback && IPAddress.Parse(a) is { AddressFamily: System.Net.Sockets.AddressFamily.InterNetwork } ip && IPAddress.IsLoopback(ip))
            .Distinct().Select(a => $"sudo ifconfig lo0 alias {a} up");

    private static int Run(ConfigOptions config, ParseResult parsed, TextWriter output, TextWriter error)
    {
        var path = parsed.GetValue(HostsFile) ?? PathOn(OperatingSystem.IsWindows());
        if (parsed.GetValue(Remove)) return Edit(path, text => HostsText.Without(text), "its block is out", output, error);
        if (config.Read(parsed, error) is not { } reading) return ExitCodes.Configuration;
        var hosts = NodeHosts.Of(reading.Config!, parsed.GetValue(Junction) is { } junction ? IPAddress.Parse(junction) : null);
        foreach (var line in hosts.Problems.Concat(hosts.Remarks)) error.WriteLine($"junction hosts: {LicenseNames.Printable(line)}");
        if (hosts.Problems.Count > 0) return ExitCodes.Configuration;

        if (OperatingSystem.IsMacOS())
        {
            foreach (var line in Aliases(hosts.Names.Select(n => n.Address))) error.WriteLine($"junction hosts: macOS needs, once after each start: {line}");
        }

        var block = HostsBlock.Of(hosts.Names);
        if (!parsed.GetValue(Apply))
        {
            output.Write(block);
            return ExitCodes.Ok;
        }

        return Edit(path, text =>
        {
            foreach (var (number, name, address) in HostsText.Shadows(text, hosts.Names))
                error.WriteLine($"junction hosts: line {number} of {path} says that {name} is {address}, and it comes first: take it out, or the block does nothing for that name");
            return HostsText.With(text, block, Environment.NewLine);
        }, $"{Counted(hosts.Names.Select(n => n.Name).Distinct().Count())} in its block", output, error);
    }

    private static int Edit(string path, Func<string, HostsEdit> edit, string outcome, TextWriter output, TextWriter error)
    {
        try
        {
            var file = new SystemFile(path);
            for (var tries = 1; ; tries++)
            {
                var old = file.Read();
                var (text, problem) = IsWide(old) ? new HostsEdit(null, "it is UTF-16, which no system reads as a hosts file") : edit(Encoding.Latin1.GetString(old));
                if (text is null)
                {
                    error.WriteLine($"junction hosts: {path} was left alone: {LicenseNames.Printable(problem!)}");
                    return ExitCodes.Failed;
                }

                var bytes = Encoding.Latin1.GetBytes(text);
                if (bytes.AsSpan().SequenceEqual(old))
                {
                    output.WriteLine($"{path} is unchanged: {outcome}");
                    return ExitCodes.Ok;
                }

                var (isDone, backup) = file.Replace(old, bytes);
                if (isDone)
                {
                    output.WriteLine($"wrote {path}: {outcome}{(backup is null ? "" : $"; as it was before: {backup}")}");
                    return ExitCodes.Ok;
                }

                if (tries == MostTries)
                {
                    error.WriteLine($"junction hosts: {path} was left alone: somebody else changes it all the time");
                    return ExitCodes.Failed;
                }
            }
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException && e.HResult == ReadOnlyFileSystem))
        {
            error.WriteLine($"junction hosts: {path} may not be changed by {OwnUser.Name} ({e.Message}); {(OperatingSystem.IsWindows() ? "run this as Administrator" : "run this as root (sudo)")}, or start the job with junction exec, which needs no rights");
            return ExitCodes.NotPermitted;
        }
        catch (IOException e)
        {
            error.WriteLine($"junction hosts: {path}: {e.Message}");
            return ExitCodes.Failed;
        }
    }

    private static bool IsWide(byte[] bytes) => bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];

    private static string Counted(int names) => names == 1 ? "1 name" : $"{names} names";
}
