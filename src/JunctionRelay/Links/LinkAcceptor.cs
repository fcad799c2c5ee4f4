using System.Security.Cryptography;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Links;

/// <summary>Takes links from peers: HELLO, verdict, and then the session until its transport ends. TLS and its limits come before this.</summary>
/// <param name="refusal">Why this peer may not link with us; null when it may.</param>
internal sealed class LinkAcceptor(LinkOptions options, LinkDirectory directory, LinkListener? listener, string? refusal = null)
{
    private ILogger Log => options.Log;

    /// <summary>Serves one connection whose peer has proved who it is; disposes it.</summary>
    public async Task RunAsync(Connection connection)
    {
        var transport = new LinkTransport(connection, options);
        if (transport.Peer is not { } peer)
        {
            Log.LinkWithoutIdentity();
            await transport.DisposeAsync();
            return;
        }

        var (hello, wrong) = await transport.ReadHelloAsync();
        if (hello is null)
        {
            Log.LinkHelloRefused(peer.Name, wrong!);
            await transport.DisposeAsync();
            return;
        }

        if (refusal is not null)
        {
            await RefuseAsync(transport, peer, LinkVerdict.Refused, refusal);
            return;
        }

        if (directory.EvictGhosts(peer.Name, hello.Party) is > 0 and var ghosts)
            Log.LinkGhostsEvicted(peer.Name, ghosts);
        if (hello.GivenUp is { } givenUp)
            directory.GiveUp(givenUp, peer.Name, hello.Party);

        await (hello.Session is { } id ? ResumeAsync(transport, peer, hello, id) : BeginAsync(transport, peer, hello));
    }

    private async Task BeginAsync(LinkTransport transport, PeerIdentity peer, LinkHello hello)
    {
        if (directory.IsDraining)
        {
            await RefuseAsync(transport, peer, LinkVerdict.Refused, "the junction is draining");
            return;
        }

        var session = new LinkSession(new Guid(RandomNumberGenerator.GetBytes(16)), isDialler: false, options, hello, peer, listener);
        directory.Add(peer.Name, session);
        Log.LinkUp(peer.Name, session.Id, session.Epoch);
        var end = await session.RunAsync(transport, session.Epoch, isResume: false, Answer(LinkVerdict.New, "", session.Id, session.Epoch));
        Log.LinkDown(peer.Name, session.Id, end.ToString());
    }

    private async Task ResumeAsync(LinkTransport transport, PeerIdentity peer, LinkHello hello, Guid id)
    {
        if (hello.Wanted != options.Self.Instance)
        {
            await RefuseAsync(transport, peer, LinkVerdict.NotMine, "another instance holds the session");
            return;
        }

        if (directory.FindToResume(id, peer.Name, hello.Party) is not { } session)
        {
            await RefuseAsync(transport, peer, LinkVerdict.UnknownSession, "no such session");
            return;
        }

        if (!session.TryAdmit(hello.Epoch))
        {
            await RefuseAsync(transport, peer, LinkVerdict.Refused, $"epoch {hello.Epoch} is not greater than {session.Epoch}");
            return;
        }

        Log.LinkResumed(peer.Name, session.Id, hello.Epoch);
        var end = await session.RunAsync(transport, hello.Epoch, isResume: true, Answer(LinkVerdict.Resumed, "", id, hello.Epoch));
        Log.LinkDown(peer.Name, session.Id, end.ToString());
    }

    private async Task RefuseAsync(LinkTransport transport, PeerIdentity peer, LinkVerdict verdict, string text)
    {
        // A dialler that looks for another of our name asks us every second: no news, and it says so itself.
        if (verdict != LinkVerdict.NotMine)
            Log.LinkRefused(peer.Name, verdict.ToString(), text);
        try
        {
            await transport.WriteHelloAsync(Answer(verdict, text, null, 0));
            await transport.FinishAsync();
        }
        catch (IOException)
        {
            // Who does not wait for the answer needs none.
        }

        await transport.DisposeAsync();
    }

    private LinkHello Answer(LinkVerdict verdict, string text, Guid? session, uint epoch) => new()
    {
        Party = options.Self,
        Limits = options.Limits,
        Features = options.Features,
        Software = options.Software,
        Session = session,
        Epoch = epoch,
        Verdict = verdict,
        VerdictText = text,
    };
}
