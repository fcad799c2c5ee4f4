using JunctionRelay.Configuration;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Who used what, and who was refused: those events of the log that an auditor asks for, whatever the log's own level, as JSON lines of their own. Their level is <c>audit</c>.
/// </summary>
internal static class AuditStream
{
    /// <summary>The ids of the events; their names and fields are those of the log (docs/operating.md).</summary>
    public static readonly IReadOnlySet<int> Events = new HashSet<int>
    {
        1000, 1001, 1012, 1016,   // connections: ended, refused, turned away uncounted, opened
        1014, 1015,               // services: paused, resumed
        1020, 1021, 1022,         // vendor ports: learnt, opened, closed
        1201,                     // lines that are missing here
        1302,                     // the admin endpoint refused somebody
        3000, 3002, 3004, 3005, 3006, 3007, 3008, 3010, 3015,   // links: up, down, and all refusals
        4000, 4001, 4020, 4021, 4022, 4023,   // certificates: replaced, kept, renewed, not renewed, not written, written
        4010, 4011, 4012, 4013, 4014, 4015, 4016,         // the authority: joins, renewals, refusals, copies
        4030, 4031, 4032, 4033, 4034,   // deny lists, and what they end
    };

    /// <summary>Where <c>audit</c> says. <paramref name="log"/> hears of a file that cannot be written.</summary>
    public static LogOutput Open(string where, ILogger log) =>
        new(where == JunctionConfig.AuditToOutput ? OutputDescriptor.StandardOutput() : new AppendedFile(where, error => log.AuditNotWritten(where, error)), new JsonLog("audit"), LogLevel.Debug, TimeProvider.System, "audit")
        {
            Only = Events,
        };
}
