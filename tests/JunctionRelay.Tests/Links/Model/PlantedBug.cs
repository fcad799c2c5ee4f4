namespace JunctionRelay.Tests.Links.Model;

/// <summary>A rule of the protocol, broken on purpose: the search must find what goes wrong.</summary>
public enum PlantedBug
{
    None,
    /// <summary>KNOWN states what was delivered as received: bytes in memory come twice.</summary>
    ResumesFromDelivered,
    /// <summary>The acceptor states its offsets while the old transport is still read.</summary>
    StatesBeforeItStops,
    /// <summary>Streams are settled by what was received, so a target's reset no longer reaches the client.</summary>
    SettlesOnReceived,
    /// <summary>The stream is forgotten before its last CREDIT is sent.</summary>
    ForgetsBeforeTelling,
    /// <summary>An OPEN without an answer is sent and served again after a resume.</summary>
    OpensTwice,
    /// <summary>Credit is given for what was received: a reader that stops is flooded.</summary>
    CreditsReceived,
    /// <summary>The limit in KNOWN is not taken over, so a CREDIT lost in a cut is lost for good.</summary>
    LosesCredit,
    /// <summary>A RESET lost in a cut is not sent again.</summary>
    LosesReset,
    /// <summary>A RESET is not answered.</summary>
    NeverGone,
    /// <summary>KNOWN leaves out the streams that this end has reset.</summary>
    OmitsResetStreams,
    /// <summary>A stream that the peer does not list counts as settled even when its OPEN never arrived.</summary>
    TakesLostOpenForSettled,
    /// <summary>Frames are sent before the peer's KNOWN has come.</summary>
    SendsBeforeKnown,
    /// <summary>An END is not sent again after a cut.</summary>
    LosesEnd,
}
