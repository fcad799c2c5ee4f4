using System.Buffers;
using System.Text;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Connections;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>The part of a checkout that needs no license: a hello to lmgrd, its redirect, a hello to the vendor daemon. Nothing is checked out.</summary>
/// <param name="vendor">The vendor daemon that is asked for; empty asks lmgrd for nobody.</param>
/// <param name="behind">Who dialled, where a reset means that they could not; null when the server itself was dialled.</param>
internal sealed class LicenseConversation(CheckTrail trail, string vendor, string? behind)
{
    private readonly byte[] _hello = new FlexLmHello
    {
        User = Ascii(OwnUser.Name, FlexLmHello.MaxUserBytes),
        Host = Ascii(Environment.MachineName, FlexLmHello.MaxHostBytes),
        Vendor = vendor,
        Display = "junction check",
        ProcessId = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture),
    }.ToBytes();

    /// <summary>Asks lmgrd, for nobody in particular, which vendor daemon it has. Whether it answered, and the name where that could be read; failures are told.</summary>
    public async Task<(bool IsAnswered, string? Vendor)> AskVendorNameAsync(Connection lmgrd, CancellationToken stop)
    {
        var (bytes, how) = await AskAsync(lmgrd, CheckLimits.Answer, stop);
        if (FlexLmFrame.Parse(bytes).Message is not { } answer)
        {
            trail.Fail(CheckHop.Server, Misunderstood(bytes, how));
            return (false, null);
        }

        var about = FlexLmServerAnswer.Read(answer);
        trail.Ok(CheckHop.Server, about is null ? "a FlexNet license server answers" : $"a FlexNet license server answers: master {about.Master}, vendor daemon {about.Daemon}");
        if (about is null) trail.Skip(CheckHop.Redirect, "the vendor daemon's name is not known: say it (--vendor NAME) to go on from here");
        return (true, about?.Daemon);
    }

    /// <summary>Asks lmgrd where the vendor daemon is; nothing is told. The connection stays the caller's.</summary>
    public async Task<ServerAnswer> AskServerAsync(Connection lmgrd, CancellationToken stop)
    {
        var (bytes, how) = await AskAsync(lmgrd, CheckLimits.Answer, stop);
        // Servers differ in what they say to clients of a daemon that they do not have; a silence or a reset is no answer to a name.
        var isAboutName = !how.Silent && how.Broken is null;
        if (FlexLmFrame.Parse(bytes).Message is not { } answer) return new(null, CheckHop.Server, Misunderstood(bytes, how), isAboutName);
        if (answer.Type == FlexLmRedirect.FrameType && FlexLmRedirect.Parse(bytes).Message is { } redirect) return new(redirect, CheckHop.Redirect, null, false);
        return new(null, CheckHop.Redirect, new(
            ExitCodes.Protocol, $"it does not send clients of {vendor} anywhere (answer 0x{answer.Type:x4})", $"look at the server's log: is {vendor} in its license file, and running?", CheckFaults.VendorDown), isAboutName);
    }

    /// <summary>Says hello to the vendor daemon; false when it will not have it, which is told. The connection stays the caller's.</summary>
    public async Task<bool> AskVendorAsync(Connection daemon, CancellationToken stop)
    {
        var (bytes, how) = await AskAsync(daemon, CheckLimits.Greeting, stop);
        if (bytes.Length == 0 && how.Silent)
        {
            trail.Ok(CheckHop.Vendor, "the vendor daemon takes the hello and is silent, as some are until they are asked for a license");
            return true;
        }

        if (FlexLmFrame.ReadHead(bytes).State == FlexLmParseState.Parsed || bytes.Length == 0 && how.Broken is null)
        {
            trail.Ok(CheckHop.Vendor, bytes.Length > 0 ? $"the vendor daemon {vendor} answers" : "the vendor daemon takes the hello and hangs up, which is its right: no license was asked for");
            return true;
        }

        trail.Fail(CheckHop.Vendor, bytes.Length > 0
            ? Misunderstood(bytes, how)
            : new(how.Refused is null ? ExitCodes.Protocol : ExitCodes.Target, Reset(how), Mend(how), CheckFaults.NoData));
        return false;
    }

    private CheckFault Misunderstood(byte[] bytes, End how)
    {
        if (bytes.Length > 0)
        {
            var text = Encoding.Latin1.GetString(bytes, 0, Math.Min(bytes.Length, 40));
            var isWeb = text.StartsWith("HTTP/", StringComparison.Ordinal) || text.Contains("<html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<!DOCTYPE", StringComparison.OrdinalIgnoreCase);
            return new(
                ExitCodes.Protocol,
                isWeb ? $"a web server answers there, no license server: \"{LicenseNames.Printable(text.Split('\r', '\n')[0])}\"" : $"what answers there speaks no FlexNet that is known here: it begins with 0x{Convert.ToHexStringLower(bytes.AsSpan(0, Math.Min(bytes.Length, 8)))}",
                "correct the host or the port: lmgrd's is the last number of the SERVER line", isWeb ? CheckFaults.NoLicenseServer : CheckFaults.InvalidData);
        }

        if (how.Silent) return new(ExitCodes.Protocol, $"it accepts and says nothing within {(CheckLimits.Answer + CheckLimits.LastWords).TotalSeconds:0} s", "no lmgrd, or one that is stuck: look at its log", CheckFaults.NoData);
        return how.Broken is null
            ? new(ExitCodes.Protocol, $"it hangs up without an answer: no lmgrd, or one that has no vendor daemon {vendor}", "correct the port, or the vendor's name (--vendor; the second word of the VENDOR line)", CheckFaults.NoData)
            : new(how.Refused switch { null => ExitCodes.Protocol, CloseReason.VendorPortNotAllowed => ExitCodes.Policy, _ => ExitCodes.Target }, Reset(how), Mend(how), CheckFaults.NoData);
    }

    private string Reset(End how) => how.Refused is { } refused ? $"{refused.Name()}{(how.Broken!.Detail.Length > 0 ? $": {how.Broken.Detail}" : "")}"
        : behind is null ? "it accepts, and resets the connection" : $"{behind} accepts, and resets the connection: what is behind it could not be reached, or it may not";

    private string Mend(End how) => how.Refused == CloseReason.VendorPortNotAllowed ? "let vendorPorts hold the port, or pin it in the license file (VENDOR name path PORT=number)"
        : behind is null ? "look at the server's log" : $"run junction check there ({behind}), or read its log: the reason stands in it";

    // What it says, and how that ends.
    private async Task<(byte[] Bytes, End How)> AskAsync(Connection connection, TimeSpan limit, CancellationToken stop)
    {
        var (bytes, how) = (Array.Empty<byte>(), new End(false, null));
        try
        {
            await connection.Output.WriteAsync(_hello, stop);
            (bytes, var isOver) = await ReadAsync(connection, limit, stop);
            if (bytes.Length == 0 && !isOver && limit == CheckLimits.Answer)
            {
                // Some servers wait for the end of a line; at our end they say what they think of it.
                await connection.CompleteOutputAsync();
                (bytes, isOver) = await ReadAsync(connection, CheckLimits.LastWords, stop);
            }

            how = new End(!isOver, null);
        }
        catch (ConnectionBrokenException e)
        {
            how = new End(false, e);
        }

        return (bytes, how);
    }

    private static async Task<(byte[] Bytes, bool IsOver)> ReadAsync(Connection connection, TimeSpan limit, CancellationToken stop)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
        deadline.CancelAfter(limit);
        var heard = new ArrayBufferWriter<byte>();
        try
        {
            while (true)
            {
                var read = await connection.Input.ReadAsync(deadline.Token);
                foreach (var piece in read.Buffer) heard.Write(piece.Span);
                connection.Input.AdvanceTo(read.Buffer.End);
                var isWhole = heard.WrittenCount > 0 && FlexLmFrame.Parse(heard.WrittenSpan).State != FlexLmParseState.NeedMore;
                if (isWhole || read.IsCompleted || heard.WrittenCount > FlexLmFrame.MaxBytes) return (heard.WrittenSpan.ToArray(), true);
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return (heard.WrittenSpan.ToArray(), false);
        }
    }

    private static string Ascii(string text, int most) => string.Concat(text.Where(c => char.IsAscii(c) && !char.IsControl(c)).Take(most));

    /// <summary>What lmgrd says of a vendor daemon.</summary>
    /// <param name="Redirect">Where it is; null: see <paramref name="Fault"/>.</param>
    /// <param name="IsAboutName">It may have been the daemon's name that the server did not like.</param>
    public readonly record struct ServerAnswer(FlexLmRedirect? Redirect, string Hop, CheckFault? Fault, bool IsAboutName);

    private readonly record struct End(bool Silent, ConnectionBrokenException? Broken)
    {
        public CloseReason? Refused => Broken?.Told;
    }
}
