using System.Buffers;
using System.Text;
using System.Text.Json;

namespace JunctionRelay.App.Demo;

/// <summary>The simulated server's news as JSON lines, one object each, for scripts and scenario tests.</summary>
/// <remarks>
/// <code>
/// {"event":"listening","lmgrd":"127.0.0.1:27000","vendor":"127.0.0.1:40000"}         at the start, and after a restart of the daemon
/// {"event":"granted","seat":1,"user":"alice","host":"node01","pid":"42","peer":"127.0.0.1:5000", counts }
/// {"event":"denied", …} and {"event":"freed", …,"by":"fin"|"reset"|"silent"|"garbled"|"ours", counts }
/// {"event":"counts", counts ,"redirects":3,"refusedHellos":0,"heartbeats":0}        when asked
/// {"event":"waited","met":true, … } {"event":"error","message":"…"}
/// counts: "seats","held","checkouts","denied","freedByFin","freedByReset","freedBySilence","freedByGarbage","freedByServer"
/// </code>
/// </remarks>
internal static class SeatLines
{
    public static string Listening(SimulatedLicenseServer server) => Line("listening", json =>
    {
        json.WriteString("lmgrd", server.EndPoint.ToString());
        json.WriteString("vendor", server.Daemon.EndPoint.ToString());
    });

    public static string Change(SeatChange change)
    {
        var name = change.Kind switch { SeatChangeKind.Granted => "granted", SeatChangeKind.Denied => "denied", _ => "freed" };
        return Line(name, json =>
        {
            if (change.Holder.Seat != 0)
                json.WriteNumber("seat", change.Holder.Seat);
            json.WriteString("user", change.Holder.User);
            json.WriteString("host", change.Holder.Host);
            json.WriteString("pid", change.Holder.ProcessId);
            json.WriteString("peer", change.Holder.Peer?.ToString());
            if (change.End is { } end)
                json.WriteString("by", Name(end));
            WriteCounts(json, change.Counts);
        });
    }

    public static string Counts(SimulatedLicenseServer server, bool? met = null) => Line(met is null ? "counts" : "waited", json =>
    {
        if (met is { } value)
            json.WriteBoolean("met", value);
        WriteCounts(json, server.Seats.Counts);
        json.WriteNumber("redirects", server.Redirects);
        json.WriteNumber("refusedHellos", server.RefusedHellos);
        json.WriteNumber("heartbeats", server.Daemon.Heartbeats);
    });

    public static string Error(string message) => Line("error", json => json.WriteString("message", message));

    /// <summary>The word for an end in all output of the simulator.</summary>
    public static string Name(ConversationEnd end) => end switch
    {
        ConversationEnd.Fin => "fin",
        ConversationEnd.Reset => "reset",
        ConversationEnd.Silent => "silent",
        ConversationEnd.Garbled => "garbled",
        _ => "ours",
    };

    private static void WriteCounts(Utf8JsonWriter json, SeatCounts counts)
    {
        json.WriteNumber("seats", counts.Seats);
        json.WriteNumber("held", counts.Held);
        json.WriteNumber("checkouts", counts.Checkouts);
        json.WriteNumber("denied", counts.Denied);
        json.WriteNumber("freedByFin", counts.FreedByFin);
        json.WriteNumber("freedByReset", counts.FreedByReset);
        json.WriteNumber("freedBySilence", counts.FreedBySilence);
        json.WriteNumber("freedByGarbage", counts.FreedByGarbage);
        json.WriteNumber("freedByServer", counts.FreedByServer);
    }

    private static string Line(string name, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("event", name);
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
