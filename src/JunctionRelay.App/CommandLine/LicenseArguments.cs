using System.CommandLine;
using JunctionRelay.Configuration;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.CommandLine;

/// <summary>How a command says which licenses it is about: files, values of license variables, and <c>--sentieon</c>.</summary>
internal sealed class LicenseArguments
{
    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "License files (FlexNet, RLM), or the values of license variables: 27000@lic1, 27000@lic1:27000@lic2, 27000@a,27000@b,27000@c",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string[]> _sentieon = new("--sentieon")
    {
        Description = "A Sentieon license server, of which host and port are all that is needed",
        HelpName = "HOST:PORT",
    };

    private readonly Option<string?> _serverName = new("--server-name")
    {
        Description = "What the license server calls itself, where its file does not say (this_host, an address)",
        HelpName = "NAME",
    };

    /// <summary>Adds them to a command.</summary>
    public LicenseArguments(Command command)
    {
        command.Arguments.Add(_files);
        command.Options.Add(_sentieon);
        command.Options.Add(_serverName);
        Check(_sentieon, NoHostAndPort);
        Check(_serverName, text => LicenseNames.IsHost(text) && LicenseSource.NameOf(text) is not null ? null : "a host name, please: lic1.example.com");
    }

    /// <summary>What was said for servers whose files do not say it.</summary>
    public string? ServerName(ParseResult parsed) => parsed.GetValue(_serverName);

    /// <summary>Whether there are any.</summary>
    public bool AreNamed(ParseResult parsed) => parsed.GetValue(_files) is { Length: > 0 } || parsed.GetValue(_sentieon) is { Length: > 0 };

    /// <summary>Reads them all; what cannot be read is added to <paramref name="problems"/>.</summary>
    public (IReadOnlyList<LicenseFile> Files, IReadOnlyList<LicenseSource> Sources) Read(ParseResult parsed, List<string> problems)
    {
        var (files, sources) = (new List<LicenseFile>(), new List<LicenseSource>());
        foreach (var argument in parsed.GetValue(_files) ?? [])
        {
            if (!File.Exists(argument) && LicenseSource.ListFromVariable(argument) is { } list)
            {
                sources.AddRange(list);
                continue;
            }

            var (file, problem) = ReadFile(argument);
            if (file is not null)
                files.Add(file);
            else
                problems.Add($"{LicenseNames.Printable(argument)} {problem}");
        }

        foreach (var text in parsed.GetValue(_sentieon) ?? [])
        {
            var address = TargetAddress.Read(text, out _)!;
            sources.Add(new LicenseSource(LicenseKind.Sentieon, [new LicenseServer(address.Host, address.Ports.First, LicenseSource.NameOf(address.Host))], []));
        }

        if (!AreNamed(parsed))
            problems.Add("no license is named: name a license file, 27000@HOST, or --sentieon HOST:PORT");
        return (files, sources);
    }

    /// <summary>Reads one license file, or says why not.</summary>
    public static (LicenseFile? File, string? Problem) ReadFile(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var bytes = new byte[LicenseText.MaxFileBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return LicenseFile.Parse(Path.GetFileName(path), bytes.AsSpan(0, length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"cannot be read: {e.Message}");
        }
    }

    /// <summary>Lets an option be parsed only with values in which <paramref name="flaw"/> finds nothing.</summary>
    public static void Check(Option option, Func<string, string?> flaw) => option.Validators.Add(result =>
    {
        foreach (var token in result.Tokens)
        {
            if (flaw(token.Value) is { } what)
                result.AddError($"{option.Name} {token.Value}: {what}");
        }
    });

    /// <summary>Why a text is no host and port; null when it is.</summary>
    public static string? NoHostAndPort(string text) =>
        TargetAddress.Read(text, out var flaw) is { Scheme: "", UnixPath: null, Count: 1 } ? null : flaw == default ? "write HOST:PORT" : Say(flaw);

    /// <summary>A flaw in one sentence.</summary>
    public static string Say(Flaw flaw) => $"{flaw.What}; {flaw.Remedy}";
}
