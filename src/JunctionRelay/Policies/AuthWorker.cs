using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Policies;

/// <summary>
/// A hook that runs for as long as the junction: one JSON line in for each connection, one out, in order: <c>{"allow": true}</c> permits, anything else denies
/// (with its <c>"reason"</c>). One that hangs, ends or answers nonsense is killed, which denies, and is started anew for the next connection.
/// </summary>
internal sealed class AuthWorker : IAuthHook, IDisposable
{
    private const string Rule = "auth";
    private const int MostAnswerCharacters = 4096;

    private readonly string _file;
    private readonly TimeSpan _timeout;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _turns;
    private readonly Stack<Process?> _idle = new();   // null = to be started
    private bool _disposed;

    /// <param name="file">The program, executable.</param>
    /// <param name="timeout">How long a connection may wait for its verdict, turn and all.</param>
    /// <param name="workers">How many run side by side.</param>
    public AuthWorker(string file, TimeSpan timeout, int workers, ILogger log)
    {
        (_file, _timeout, _log, _turns) = (file, timeout, log, new SemaphoreSlim(workers));
        for (var i = 0; i < workers; i++) _idle.Push(null);
    }

    public async ValueTask<Verdict> AskAsync(AuthRequest request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_timeout);
        try
        {
            await _turns.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Verdict(false, Rule, $"{_file} is busy, and did not get to this one within {_timeout.TotalSeconds:0.###} s");
        }

        Process? process = null;
        var fit = false;
        try
        {
            lock (_idle) process = _idle.Pop();
            if (process is null or { HasExited: true }) process = Restarted(process);
            await process.StandardInput.BaseStream.WriteAsync(request.ToJson(), limit.Token);
            await process.StandardInput.BaseStream.FlushAsync(limit.Token);
            if (await ReadLineAsync(process.StandardOutput, limit.Token) is not { } line) return new Verdict(false, Rule, $"{_file} ended instead of answering");
            (var verdict, fit) = Read(line);
            return verdict;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Verdict(false, Rule, $"{_file} did not answer within {_timeout.TotalSeconds:0.###} s");
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException)
        {
            return new Verdict(false, Rule, $"{_file} cannot be asked: {e.Message}");
        }
        finally
        {
            // What may still answer this connection must not answer the next one.
            if (!fit) process = Ended(process);
            lock (_idle)
            {
                if (_disposed) Ended(process);
                else _idle.Push(process);
            }

            _turns.Release();
        }
    }

    public void Dispose()
    {
        lock (_idle)
        {
            _disposed = true;
            while (_idle.TryPop(out var process)) Ended(process);
        }
    }

    private (Verdict Verdict, bool Fit) Read(string line)
    {
        try
        {
            using var answer = JsonDocument.Parse(line);
            if (answer.RootElement.ValueKind == JsonValueKind.Object)
            {
                var allowed = answer.RootElement.TryGetProperty("allow", out var allow) && allow.ValueKind == JsonValueKind.True;
                var reason = answer.RootElement.TryGetProperty("reason", out var why) && why.ValueKind == JsonValueKind.String ? why.GetString()! : $"{_file} said no";
                return (allowed ? new Verdict(true, Rule) : new Verdict(false, Rule, reason), true);
            }
        }
        catch (JsonException)
        {
            // Not an answer.
        }

        return (new Verdict(false, Rule, $"{_file} answered something that is no JSON object"), false);
    }

    private Process Restarted(Process? old)
    {
        old?.Dispose();
        var process = new Process { StartInfo = AuthProgram.Start(_file) };
        process.ErrorDataReceived += (_, e) =>
        {
            if (!string.IsNullOrWhiteSpace(e.Data)) _log.AuthHookSaid(_file, e.Data);
        };
        process.Start();
        process.BeginErrorReadLine();
        return process;
    }

    private static Process? Ended(Process? process)
    {
        if (process is null) return null;
        AuthProgram.Kill(process);
        process.Dispose();
        return null;
    }

    // StreamReader.ReadLineAsync has no bound.
    private static async Task<string?> ReadLineAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        var line = new char[MostAnswerCharacters];
        for (var length = 0; length < line.Length; length++)
        {
            if (await reader.ReadAsync(line.AsMemory(length, 1), cancellationToken) == 0) return null;
            if (line[length] == '\n') return new string(line, 0, length);
        }

        return "";
    }
}
