using System.ComponentModel;
using System.Diagnostics;
using JunctionRelay.App.CommandLine;

namespace JunctionRelay.App.Checks;

/// <summary>Asks a Sentieon license server with the vendor's own program, where it is installed: of its protocol nothing is published.</summary>
internal static class SentieonPing
{
    /// <param name="server">Host and port, as clients write them.</param>
    public static async Task RunAsync(string server, CheckTrail trail, CancellationToken stop)
    {
        Process? process;
        try
        {
            process = Process.Start(new ProcessStartInfo("sentieon", ["licclnt", "ping", "-s", server]) { RedirectStandardOutput = true, RedirectStandardError = true });
        }
        catch (Win32Exception)
        {
            trail.Skip(CheckHop.Sentieon, "the port accepts, which is all that was seen; whether a license server answers tells sentieon licclnt ping, which is not in the PATH here");
            return;
        }

        using (process)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(CheckLimits.Program);
            try
            {
                var said = await Task.WhenAll(process!.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
                await process.WaitForExitAsync(limit.Token);
                if (process.ExitCode == 0) trail.Ok(CheckHop.Sentieon, $"sentieon licclnt ping -s {server} answers");
                else trail.Fail(CheckHop.Sentieon, Fault(server, JunctionRelay.Licensing.LicenseNames.Printable(string.Join(' ', said).ReplaceLineEndings(" ").Trim())));
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                process!.Kill();
                trail.Fail(CheckHop.Sentieon, Fault(server, $"no answer within {CheckLimits.Program.TotalSeconds:0} s"));
            }
        }
    }

    private static CheckFault Fault(string server, string said) => new(
        ExitCodes.Protocol, $"sentieon licclnt ping -s {server}: {said}", "what answers there is no Sentieon license server, or one without a license: look at the log of sentieon licsrvr");
}
