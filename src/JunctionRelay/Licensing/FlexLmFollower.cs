using JunctionRelay.Connections;

namespace JunctionRelay.Licensing;

/// <summary>What becomes of a redirect: it is passed on, as it came or as another, or the conversation ends.</summary>
/// <param name="Pass">What the client gets: the redirect itself where nothing is to change; null ends the conversation.</param>
/// <param name="Refused">Why it ends.</param>
/// <param name="Detail">The same for people.</param>
internal readonly record struct RedirectVerdict(FlexLmRedirect? Pass, CloseReason Refused = default, string Detail = "");

/// <summary>
/// Reads along in one relayed FlexNet conversation: who the client is, and where lmgrd sends it. A redirect waits until <paramref name="redirected"/> has
/// returned, so that the client finds open what it is sent to; everything else passes as it comes, and what is no FlexNet passes untouched.
/// </summary>
/// <param name="said">Told who the client says it is.</param>
/// <param name="redirected">Judges the redirect that answers a hello; null for the vendor daemon's conversation, of which only the hello is read.</param>
/// <param name="lost">Told, once at most, why the conversation cannot be followed any further.</param>
internal sealed class FlexLmFollower(Action<FlexLmHello> said, Func<FlexLmHello, FlexLmRedirect, RedirectVerdict>? redirected, Action<string> lost, TimeProvider time)
{
    private FlexLmHello? _unanswered;
    private int _isLost;

    /// <summary>The client, whose hello is read as it passes.</summary>
    public Connection Client(Connection client) => new FollowedConnection(client, new FollowedInput(client.Input, OfClient, holdsBack: false, Lost, time));

    /// <summary>The target, whose redirect waits.</summary>
    public Connection Target(Connection target) =>
        redirected is null ? target : new FollowedConnection(target, new FollowedInput(target.Input, OfServer, holdsBack: true, Lost, time));

    // A hello, and then perhaps frames or another hello. It is known here before it is on its way, and so before anybody can have answered it.
    private FollowStep OfClient(ReadOnlySpan<byte> bytes)
    {
        if (FlexLmFrame.Begins(bytes)) return OfFrame(FlexLmFrame.ReadHead(bytes));
        var hello = FlexLmHello.Parse(bytes);
        if (hello.Message is null) return hello.State == FlexLmParseState.NeedMore ? FollowStep.NeedMore : FollowStep.Over(hello.Why);
        said(hello.Message);
        if (redirected is null) return FollowStep.Over();
        // Without a vendor it asks lmgrd itself, and the answer is no redirect.
        Volatile.Write(ref _unanswered, hello.Message.Vendor.Length > 0 ? hello.Message : null);
        return FollowStep.Pass(hello.Bytes);
    }

    private FollowStep OfServer(ReadOnlySpan<byte> bytes)
    {
        var head = FlexLmFrame.ReadHead(bytes);
        if (head.Message is null || head.Message.Type != FlexLmRedirect.FrameType) return OfFrame(head);
        if (head.Message.Length > FlexLmRedirect.MaxBytes) return FollowStep.Over($"a redirect of {head.Message.Length} bytes, more than {FlexLmRedirect.MaxBytes}");
        var redirect = FlexLmRedirect.Parse(bytes);
        if (redirect.Message is null) return redirect.State == FlexLmParseState.NeedMore ? FollowStep.NeedMore : FollowStep.Over(redirect.Why);

        // One redirect for each hello: whatever else a server is made to say is no answer.
        if (Interlocked.Exchange(ref _unanswered, null) is not { } hello) return FollowStep.Over("a redirect that answers no hello");
        var verdict = redirected!(hello, redirect.Message);
        if (verdict.Pass is not { } pass) return FollowStep.Refuse(verdict.Refused, verdict.Detail);
        return ReferenceEquals(pass, redirect.Message) ? FollowStep.Pass(redirect.Bytes) : FollowStep.Replace(redirect.Bytes, pass.ToBytes());
    }

    private static FollowStep OfFrame(FlexLmParse<FlexLmFrameHead> head) => head.State switch
    {
        FlexLmParseState.NeedMore => FollowStep.NeedMore,
        FlexLmParseState.Parsed => FollowStep.Pass(head.Message!.Length),
        _ => FollowStep.Over(head.Why),
    };

    private void Lost(string why)
    {
        if (Interlocked.Exchange(ref _isLost, 1) == 0) lost(why);
    }
}
