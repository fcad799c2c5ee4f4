using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using JunctionRelay.App.Admin;
using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Where the process that is to take this one's place asks for the listening sockets. It gets them while we serve on; when it serves as well, we close ours and drain. No client
/// finds the port closed meanwhile: the socket is one, and clients that wait in it are taken by whoever is there.
/// </summary>
/// <param name="mayOffer">Bound already, by the process before; null = not yet.</param>
internal sealed class SuccessorPort(
    string instance, Socket? mayOffer, Func<JunctionPlan> plan, RelayService relays, LinkService links, AdminServer admin, IHostApplicationLifetime lifetime,
    ILogger<SuccessorPort> log) : IHostedService, IDisposable
{
    /// <summary>For one message; and for the successor to start, whose links have to come up.</summary>
    private static readonly TimeSpan MessageTimeout = TimeSpan.FromSeconds(10), StartTimeout = TimeSpan.FromSeconds(60);

    private Socket? _port = mayOffer;
    private Task _running = Task.CompletedTask;

    private volatile Process? _started;

    /// <summary>Starts the process that is to take our place (SIGUSR2).</summary>
    public void StartSuccessor()
    {
        try
        {
            if (_started is { HasExited: false }) return;
            _started = Successor.Start();
            if (_started is not null) log.SuccessorStarted(_started.Id);
        }
        catch (Exception e) when (e is Win32Exception or IOException or UnauthorizedAccessException)
        {
            log.SuccessorNotStarted(e.Message);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!TakeoverSocket.IsSupported) return Task.CompletedTask;
        try
        {
            _port ??= Bind();
            _running = RunAsync(_port);
        }
        catch (SocketException e)
        {
            log.NoSuccessorPort(e.Message);
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        await _running;
    }

    public void Dispose() => _port?.Dispose();

    private Socket Bind()
    {
        var port = TakeoverSocket.New();
        try
        {
            port.Bind(TakeoverSocket.Of(instance));
            port.Listen(1);
            return port;
        }
        catch (SocketException)
        {
            port.Dispose();
            throw;
        }
    }

    private async Task RunAsync(Socket port)
    {
        for (var isHandedOver = false; !isHandedOver;)
        {
            try
            {
                using var successor = await port.AcceptAsync();
                if (TakeoverSocket.ProcessOf(successor) is not { } process) continue;
                successor.SendTimeout = (int)MessageTimeout.TotalMilliseconds;
                successor.ReceiveTimeout = (int)StartTimeout.TotalMilliseconds;
                // Blocks for as long as the other one needs: a thread of its own.
                isHandedOver = await Task.Factory.StartNew(() => HandOver(successor, port), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                if (!isHandedOver)
                {
                    log.NotTakenOver(process);
                    relays.TakeBack();
                    links.TakeBack();
                    continue;
                }

                if (_started?.Id == process) ServiceManager.Leave(process);
                log.HandedOver(process);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // We stop.
                return;
            }
        }

        // Our end of it; the successor has it, too.
        port.Dispose();
        links.GiveAway();
        admin.GiveAway();
        lifetime.StopApplication();
    }

    // True when the successor serves.
    private bool HandOver(Socket successor, Socket port)
    {
        try
        {
            DescriptorMessages.Send(successor, $"{TakeoverWords.Process} {Environment.ProcessId}");
            foreach (var listener in relays.Listeners.Concat(links.Listeners)) DescriptorMessages.Send(successor, TakeoverWords.Listening, listener.Lend());
            if (admin.Listening is { } socket) DescriptorMessages.Send(successor, TakeoverWords.Listening, socket);
            foreach (var vendor in relays.LearntVendors) DescriptorMessages.Send(successor, TakeoverWords.Write(vendor));
            if (plan().Links is { } linked)
            {
                DescriptorMessages.Send(successor, $"{TakeoverWords.Generations} {linked.Options.Self.Oldest} {linked.Options.Self.Generation}");
                foreach (var peer in linked.Directory.All().Where(s => !s.Session.IsDialler).Select(s => s.Name).Distinct()) DescriptorMessages.Send(successor, $"{TakeoverWords.Peer} {peer}");
            }

            DescriptorMessages.Send(successor, TakeoverWords.Port, port);
            DescriptorMessages.Send(successor, TakeoverWords.End);
            return DescriptorMessages.Receive(successor) is var (word, gift) && gift is null && word == TakeoverWords.Ready;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It ended, or took too long.
            return false;
        }
    }
}
