using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Configuration;
using JunctionRelay.Connections;
using JunctionRelay.Relay;
using Microsoft.Extensions.DependencyInjection;

namespace JunctionRelay.App.Ssh;

/// <summary>
/// Runs the configuration of a <c>forward</c> command line: ready when every port is listened on, here and at the other side, and every link is up; ended with a
/// message when one of these cannot be had.
/// </summary>
internal static class ForwardRun
{
    /// <summary>How long a hop may take to answer when it is asked for the first time. Later it is waited for as long as it takes.</summary>
    private static readonly TimeSpan FirstLink = TimeSpan.FromSeconds(15);

    private sealed class CannotForwardException(int exitCode, string message) : Exception(message)
    {
        public int ExitCode => exitCode;
    }

    /// <summary>Runs until told to stop, or until the one connection of -W is over. <paramref name="say"/>: to people.</summary>
    public static async Task<int> RunAsync(SshCommandLine line, ConfigReading reading, Func<string, Task> say)
    {
        var config = line.ExitsOnForwardFailure ? reading.Config! : await WithoutTakenAsync(reading.Config!, say);
        // Any number of -W may run at once.
        ConnectionTable? connections = null;
        using var instance = line.Stdio is null ? ForwardInstance.Take(string.Join(' ', config.Relays!.Values.SelectMany(r => r.Listen!))) : ForwardInstance.Other();
        try
        {
            config = config with { LogFormat = "text", LogLevel = line.IsVerbose ? "debug" : line.Stdio is null ? null : "warn" };
            await JunctionHost.RunAsync(reading with { Config = config, Instance = instance.Name }, (services, stopping) =>
            {
                connections = services.GetRequiredService<RelayService>().Connections;
                return StartedAsync(line, services, say, stopping);
            });
            return line.Stdio is not null && connections?.Ended.After(0).Ended is [.., var end] ? await EndedAsync(line.Stdio, end, say) : ExitCodes.Ok;
        }
        catch (ListenException e)
        {
            await say(e.Message);
            return ExitCodes.Unavailable;
        }
        catch (CannotForwardException e)
        {
            await say(e.Message);
            return e.ExitCode;
        }
    }

    // Who reads our standard output sees an end, whatever it was: the exit code tells.
    private static async Task<int> EndedAsync(string destination, EndedConnection end, Func<string, Task> say)
    {
        if (end.Reason.IsClean()) return ExitCodes.Ok;
        await say($"-W {destination}: {end.Reason.Name()}{(end.Detail.Length > 0 ? $": {end.Detail}" : "")}");
        return end.Reason is CloseReason.NotPermitted or CloseReason.NoSuchService ? ExitCodes.NotPermitted
            : end.Reason is >= CloseReason.DialRefused and < CloseReason.Stopping or CloseReason.LinkDown ? ExitCodes.Unavailable : ExitCodes.Failed;
    }

    private static async Task StartedAsync(SshCommandLine line, IServiceProvider services, Func<string, Task> say, CancellationToken stopping)
    {
        var (links, relays) = (services.GetRequiredService<LinkService>(), services.GetRequiredService<RelayService>());
        if (services.GetRequiredService<PlanInForce>().Plan.Links is { } plan) await LinkedAsync(plan, links, stopping);
        foreach (var (relay, listener) in relays.RemoteListeners.ToList())
        {
            var answer = await listener.FirstAnswer.WaitAsync(stopping);
            if (answer.Addresses is { } addresses)
            {
                // A port that the other side chose is known to nobody else.
                if (SocketDialer.Text(listener.EndPoint).EndsWith(":0", StringComparison.Ordinal)) await say($"{relay}: the other side listens on {addresses}");
                continue;
            }

            var failure = $"{SocketDialer.Text(listener.EndPoint)}: {answer.Reason.Name()}: {answer.Detail}";
            if (line.ExitsOnForwardFailure) throw new CannotForwardException(answer.Reason == CloseReason.NotPermitted ? ExitCodes.NotPermitted : ExitCodes.Unavailable, failure);
            await say($"warning: {failure}; asked again now and then");
        }
    }

    // One after the other: the second goes through the first.
    private static async Task LinkedAsync(LinksPlan plan, LinkService links, CancellationToken stopping)
    {
        foreach (var link in plan.Dial)
        {
            try
            {
                await links.FirstTryOf(link.Name).WaitAsync(FirstLink, stopping);
                if (links.LastFailureOf(link.Name) is { } failure) throw NoLink(link, failure);
                await plan.Directory.WhenUpAsync(link.Peer, stopping).WaitAsync(FirstLink, stopping);
            }
            catch (TimeoutException)
            {
                throw NoLink(link, $"no answer within {FirstLink.TotalSeconds:0} s");
            }
        }
    }

    private static CannotForwardException NoLink(DialledLink link, string why) => new(ExitCodes.Unavailable,
        $"no link with {link.Name}: {why}{(why.Contains("is not for the name", StringComparison.Ordinal) ? $"; or say what the junction is called: NAME={link.Name}" : "")}");

    // ExitOnForwardFailure=no: what cannot be listened on is left out, and said to be.
    private static async Task<JunctionConfig> WithoutTakenAsync(JunctionConfig config, Func<string, Task> say)
    {
        var relays = new Dictionary<string, RelayConfig>();
        foreach (var (name, relay) in config.Relays!)
        {
            var free = new List<string>();
            foreach (var text in relay.Listen!)
            {
                if (await TakenAsync(ListenAddress.Read(text, out _)!) is { } why) await say($"warning: cannot listen on {text}: {why}; left out");
                else free.Add(text);
            }

            if (free.Count > 0) relays[name] = relay with { Listen = free };
        }

        return config with { Relays = relays };
    }

    private static async Task<string?> TakenAsync(ListenAddress address)
    {
        if (address.Link is not null || address.IsStdio) return null;
        try
        {
            for (var port = address.Ports.First; port <= address.Ports.Last; port++)
            {
                EndPoint endPoint = address.UnixPath is { } path ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(address.Address!, port);
                await SocketListener.Bind(endPoint, SocketSettings.Default, v6Only: true).DisposeAsync();
            }

            return null;
        }
        catch (SocketException e)
        {
            return e.Message;
        }
    }
}
