using System.CommandLine;
using JunctionRelay.App.CommandLine;

namespace JunctionRelay.App.Commands;

/// <summary><c>junction pki</c>: the authority of one site, in a directory.</summary>
internal static class PkiCommand
{
    public static Command Create() => HelpExamples.Add(
        new Command("pki", "Make and run a certificate authority for your junctions")
        {
            PkiInitCommand.Create(),
            PkiIssueCommand.Create(),
            PkiRevokeCommand.Create(),
            PkiShowCommand.Create(),
        },
        """
        junction pki init --junction hq      make an authority in ./pki, which will live at the junction hq
        junction pki issue hq --out hq       an identity directory for hq
        junction pki revoke node-07          end what node-07 has open, and let it in nowhere
        """);
}
