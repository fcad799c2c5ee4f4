namespace JunctionRelay.Links;

/// <summary>
/// One stream as one end of a link knows it: the offsets, the ends and the reset, and every rule about what may be sent, accepted and
/// forgotten (<c>docs/link-protocol.md</c>, sections 6 to 8). Numbers only, no bytes and no I/O, and copyable: the model in the tests searches
/// all states that two ledgers and a cutting network can reach.
/// </summary>
/// <remarks>An END counts as one more after the last byte, so that acknowledgements and resuming need no case of its own for it.</remarks>
internal struct StreamLedger(bool opener, long sendLimit, long receiveLimit)
{
    /// <summary>How far a limit may lie ahead of what was received: keeps the low half of an offset unambiguous (section 7).</summary>
    public const long MaxAhead = 1L << 30;

    /// <summary>We opened the stream, so its OPEN is ours to send.</summary>
    public readonly bool Opener = opener;

    /// <summary>Bytes that our client or target has written.</summary>
    public long Written;
    /// <summary>Our direction ends at <see cref="Written"/>.</summary>
    public bool Ended;
    /// <summary>The next offset to send in this epoch; <see cref="Written"/> + 1 after the END.</summary>
    public long Sent;
    /// <summary>What the peer has in memory: below it nothing is sent again. Counts the END.</summary>
    public long PeerReceived;
    /// <summary>What the peer's client or target has taken. Counts the END.</summary>
    public long PeerDelivered;
    /// <summary>The peer allows bytes below this offset.</summary>
    public long PeerLimit = sendLimit;

    /// <summary>What we have in memory. Counts the END.</summary>
    public long Received;
    /// <summary>What our client or target has taken. Counts the END.</summary>
    public long Delivered;
    /// <summary>We allow bytes below this offset.</summary>
    public long Limit = receiveLimit;
    /// <summary>The peer's END is in: it stands at <see cref="Received"/> - 1.</summary>
    public bool PeerEnded;

    /// <summary>Our OPEN is on the way in this epoch, or known to have arrived.</summary>
    public bool OpenSent = !opener;
    /// <summary>The peer is known to have the stream.</summary>
    public bool Known = !opener;
    /// <summary>We have reset the stream.</summary>
    public bool Reset;
    /// <summary>Our RESET is on the way in this epoch.</summary>
    public bool ResetSent;
    /// <summary>The peer has reset the stream and its RESET is about to come: nothing is sent any more.</summary>
    public bool PeerResets;

    // What the peer has been told in this epoch.
    public long ToldReceived;
    public long ToldDelivered;
    public long ToldLimit = receiveLimit;

    // What may be sent now. An OPEN goes before everything else of its stream; a RESET instead of everything else.
    public readonly bool OpenDue => !OpenSent && !Reset;
    public readonly bool ResetDue => Reset && !ResetSent && OpenSent;
    public readonly bool CreditDue => Talking && (ToldReceived != Received || ToldDelivered != Delivered || ToldLimit != Limit);
    public readonly bool EndDue => Talking && Ended && Sent == Written;
    public readonly long DataDue => Talking ? Math.Max(0, Math.Min(Written, PeerLimit) - Sent) : 0;

    /// <summary>A CREDIT that the peer waits for: it may be short of room or of memory, or our last word settles the stream.</summary>
    public readonly bool CreditUrgent(long window) =>
        CreditDue && (Limit - ToldLimit >= window / 4 || Received - ToldReceived >= window / 4 || (PeerEnded && Delivered == Received));

    /// <summary>The stream vanishes without a word: we have reset it before its OPEN was ever sent.</summary>
    public readonly bool Vanishes => Reset && !OpenSent;

    /// <summary>Both ENDs are delivered and both sides have said so: the id may be forgotten (section 6, rule 2). A RESET sent meanwhile came too late.</summary>
    public readonly bool Settled =>
        Ended && PeerDelivered == Written + 1 && PeerEnded && Delivered == Received && ToldDelivered == Delivered;

    private readonly bool Talking => OpenSent && !Reset && !PeerResets;

    public void SendOpen() => OpenSent = true;

    public void SendReset() => ResetSent = true;

    /// <summary>The next <paramref name="length"/> bytes go out; returns the offset of the first.</summary>
    public long SendData(long length)
    {
        var offset = Sent;
        Sent += length;
        return offset;
    }

    /// <summary>The END goes out; returns its offset.</summary>
    public long SendEnd() => Sent++;

    /// <summary>A CREDIT goes out, and tells all there is to tell.</summary>
    public KnownStream SendCredit()
    {
        (ToldReceived, ToldDelivered, ToldLimit) = (Received, Delivered, Limit);
        return new KnownStream(Reset, Received, Delivered, Limit);
    }

    /// <summary>DATA has come. A stream that we have reset is checked as well; only its bytes are dropped.</summary>
    public LedgerFault AcceptData(long offset, long length)
    {
        Known = true;
        if (PeerEnded)
            return LedgerFault.AfterEnd;
        if (offset != Received)
            return LedgerFault.Gap;
        if (offset + length > Limit)
            return LedgerFault.PastLimit;
        Received += length;
        return LedgerFault.None;
    }

    /// <summary>An END has come.</summary>
    public LedgerFault AcceptEnd(long offset)
    {
        Known = true;
        if (PeerEnded)
            return LedgerFault.AfterEnd;
        if (offset != Received)
            return LedgerFault.Gap;
        PeerEnded = true;
        Received++;
        return LedgerFault.None;
    }

    /// <summary>A CREDIT has come.</summary>
    public LedgerFault AcceptCredit(in KnownStream told)
    {
        Known = true;
        if (told.Received > Sent)
            return LedgerFault.AcknowledgesUnsent;
        return TakeOver(told);
    }

    /// <summary>What we state about the stream in KNOWN: as good as a CREDIT in the new epoch.</summary>
    public KnownStream State() => SendCredit();

    /// <summary>
    /// A new epoch: what was sent in the old one counts only as far as the peer states it. <paramref name="peer"/> is the peer's entry, or null when it
    /// lists none; <paramref name="seen"/> tells whether the peer has ever seen the id.
    /// </summary>
    public LedgerVerdict Resume(in KnownStream? peer, bool seen)
    {
        ResetSent = false;
        PeerResets = false;
        if (peer is not { } entry)
        {
            if (Opener && !seen)
            {
                if (Known)
                    return LedgerVerdict.Violation;
                OpenSent = false;
                Sent = 0;
                return Reset ? LedgerVerdict.Forget : LedgerVerdict.Keep;
            }

            return Reset || (Ended && PeerEnded && Delivered == Received) ? LedgerVerdict.Forget : LedgerVerdict.Violation;
        }

        Known = true;
        OpenSent = true;
        if (entry.Received > Written + (Ended ? 1 : 0) || TakeOver(entry) != LedgerFault.None)
            return LedgerVerdict.Violation;
        Sent = PeerReceived;
        PeerResets = entry.Reset;
        return LedgerVerdict.Keep;
    }

    private LedgerFault TakeOver(in KnownStream told)
    {
        if (told.Received < PeerReceived || told.Delivered < PeerDelivered || told.Limit < PeerLimit)
            return LedgerFault.GoesBack;
        if (told.Delivered > told.Received)
            return LedgerFault.DeliveredUnreceived;
        if (told.Limit > told.Received + MaxAhead)
            return LedgerFault.CreditOverflow;
        (PeerReceived, PeerDelivered, PeerLimit) = (told.Received, told.Delivered, told.Limit);
        return LedgerFault.None;
    }
}

/// <summary>What one end says about its receiving side of a stream, in CREDIT and in KNOWN.</summary>
/// <param name="Reset">Only in KNOWN: this end has reset the stream.</param>
internal readonly record struct KnownStream(bool Reset, long Received, long Delivered, long Limit);

/// <summary>What becomes of a stream when its session resumes.</summary>
internal enum LedgerVerdict
{
    Keep,
    Forget,
    Violation,
}

/// <summary>What a frame did wrong.</summary>
internal enum LedgerFault
{
    None,
    /// <summary>DATA or END after the END of its direction.</summary>
    AfterEnd,
    /// <summary>DATA or END at another offset than what was received.</summary>
    Gap,
    /// <summary>DATA beyond the limit.</summary>
    PastLimit,
    /// <summary>A CREDIT below one before it.</summary>
    GoesBack,
    /// <summary>A CREDIT for what was not sent.</summary>
    AcknowledgesUnsent,
    /// <summary>A CREDIT that has delivered more than it received.</summary>
    DeliveredUnreceived,
    /// <summary>A limit more than 2^30 ahead.</summary>
    CreditOverflow,
}
