using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Policies;

/// <summary>
/// A hook that is started for each connection: the request on its standard input, the verdict in its exit code (0 permits, anything else denies), and what it
/// writes to its standard error in our log. At most so many at once; a connection that waits for its turn too long is denied, as is one whose hook hangs.
/// </summary>
/// <param name="file">The program, executable.</param>
/// <param name="timeout">How long a connection may wait for its verdict, turn and all.</param>
/// <param name="most">How many run at once.</param>
internal sealed class AuthProgram(string file, TimeSpan timeout, int most, ILogger log) : IAuthHook, IDisposable
{
    private const string Rule = "auth";

    /// <summary>What is kept of a hook's own words.</summary>
    private const int MostErrorBytes = 4096;

    private readonly SemaphoreSlim _turns = new(most);

    public async ValueTask<Verdict> AskAsync(AuthRequest request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        // What a connection that had to wait for its turn is told, whether the turn never came or came too late.
        var late = $"{file} did not end within {timeout.TotalSeconds:0.###} s";
        try
        {
            if (!_turns.Wait(0, CancellationToken.None))
            {
                late = $"{file} is asked {most} times at once already, and did not end within {timeout.TotalSeconds:0.###} s for one more";
                await _turns.WaitAsync(limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Verdict(false, Rule, late);
        }

        try
        {
            return await RunAsync(request, late, limit.Token, cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose() => _turns.Dispose();

    private async Task<Verdict> RunAsync(AuthRequest request, string late, CancellationToken limit, CancellationToken cancellationToken)
    {
        using var process = new Process { StartInfo = Start(file) };
        try
        {
            process.Start();
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException)
        {
            return new Verdict(false, Rule, $"{file} cannot be started: {e.Message}");
        }

        try
        {
            var said = SaidAsync(process.StandardError.BaseStream, limit);
            var scrap = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, limit);
            await WriteAsync(process, request, limit);
            await process.WaitForExitAsync(limit);
            await scrap;
            var words = await said;
            if (words.Length > 0) log.AuthHookSaid(file, words);
            return process.ExitCode == 0 ? new Verdict(true, Rule) : new Verdict(false, Rule, $"{file} ended with {process.ExitCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Verdict(false, Rule, late);
        }
        finally
        {
            Kill(process);
        }
    }

    /// <summary>How hooks are started: with our environment but for what configures us, which may hold secrets.</summary>
    internal static ProcessStartInfo Start(string file)
    {
        var start = new ProcessStartInfo(file)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(file) ?? "",
        };
        foreach (var name in start.Environment.Keys.Where(n => n.StartsWith("JUNCTION_", StringComparison.OrdinalIgnoreCase)).ToList()) start.Environment.Remove(name);
        return start;
    }

    internal static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended meanwhile.
        }
    }

    // A hook that has decided without reading everything is not wrong.
    private static async Task WriteAsync(Process process, AuthRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(request.ToJson(), cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The verdict is its exit code.
        }
    }

    private static async Task<string> SaidAsync(Stream error, CancellationToken cancellationToken)
    {
        var kept = new byte[MostErrorBytes];
        var length = 0;
        var scrap = new byte[1024];
        while (true)
        {
            var room = length < kept.Length ? kept.AsMemory(length) : scrap;
            var count = await error.ReadAsync(room, cancellationToken);
            if (count == 0) return Encoding.UTF8.GetString(kept, 0, length).Trim();
            if (length < kept.Length) length += count;
        }
    }
}
