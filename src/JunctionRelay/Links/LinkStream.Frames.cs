using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>The side of a stream that faces the link: frames that come, frames that are due, and a new epoch.</summary>
internal sealed partial class LinkStream
{
    /// <summary>Bytes that are worth a write of their own, straight from where they lie; fewer are copied into the batch with others.</summary>
    private const int DirectFromBytes = 16 * 1024;

    /// <summary>The offsets of the stream. Under the lock.</summary>
    public StreamLedger Ledger;

    // Which of the session's queues hold the stream; guarded by the session's queue lock.
    public bool InControlQueue;
    public bool InDataQueue;
    public bool InSweep;
    public bool InStarved;
    /// <summary>Its reader is about to be told what came; the reading loop's alone.</summary>
    public bool HasNews;

    private bool _goneDue;
    private bool _forgotten;

    /// <summary>Our client or target has taken something, or more has come: a CREDIT now, or with the next sweep. Under the lock.</summary>
    public void TellCredit()
    {
        if (_input.CreditIsUrgent)
            Session.EnqueueControl(this);
        else if (Ledger.CreditDue)
            Session.Sweep(this);
    }

    /// <summary>DATA, or a part of one. Returns what is wrong with it, or null.</summary>
    public string? AcceptData(uint low, ReadOnlySpan<byte> bytes)
    {
        lock (Gate)
        {
            // The limit is less than 2^31 ahead, so the nearest offset with this low half is the one that is meant.
            var offset = Ledger.Received + (int)(low - (uint)Ledger.Received);
            if (_goneDue)
                return $"DATA of stream {Id} after its RESET";
            if (Ledger.AcceptData(offset, bytes.Length) is not LedgerFault.None and var fault)
                return $"DATA of stream {Id} at {offset} with {bytes.Length} bytes: {fault} (received {Ledger.Received}, limit {Ledger.Limit})";
            if (IsOver)
                return null;
            _input.Append(bytes);
            Session.HasNews(this);
            TellCredit();
            return null;
        }
    }

    public string? AcceptEnd(long offset)
    {
        lock (Gate)
        {
            if (_goneDue)
                return $"END of stream {Id} after its RESET";
            if (Ledger.AcceptEnd(offset) is not LedgerFault.None and var fault)
                return $"END of stream {Id} at {offset}: {fault} (received {Ledger.Received})";
            if (IsOver)
                return null;
            Session.HasNews(this);
            TellCredit();
            return null;
        }
    }

    public string? AcceptCredit(in KnownStream told)
    {
        lock (Gate)
        {
            if (_goneDue)
                return $"CREDIT of stream {Id} after its RESET";
            if (Ledger.AcceptCredit(told) is not LedgerFault.None and var fault)
                return $"CREDIT of stream {Id} with received {told.Received}, delivered {told.Delivered}, limit {told.Limit}: {fault} (sent {Ledger.Sent})";
            // Whoever knows the stream is never sent its OPEN again.
            if (Ledger.Opener) ForgetOpen();
            HaveRoom();
            return null;
        }
    }

    public string? AcceptReset(CloseReason reason, string text)
    {
        lock (Gate)
        {
            if (_goneDue)
                return $"RESET of stream {Id} came twice";
            if (!IsOver)
            {
                ResetText = text;
                Break(reason, byPeer: true);
            }

            _goneDue = true;
            Session.EnqueueControl(this);
            return null;
        }
    }

    public string? AcceptGone()
    {
        lock (Gate)
        {
            if (!Ledger.ResetSent && !_goneDue)
                return $"GONE for stream {Id}, which was not reset";
            Forget();
            return null;
        }
    }

    /// <summary>A write waits until the link has sent more, or for the peer. Any thread may look.</summary>
    public bool HasWaitingWrite => _output.IsWaiting;

    /// <summary>Whoever waits for bytes, the end, room or the taker's answer goes on with what there is, on this thread. Not under any lock.</summary>
    public void Continue()
    {
        if (_answered is not null)
            TellAnswer();
        _input.Continue();
        _output.Continue();
    }

    private void TellAnswer()
    {
        TaskCompletionSource? answered;
        lock (Gate)
        {
            if (Ledger.PeerLimit == 0)
                return;
            (answered, _answered) = (_answered, null);
        }

        answered?.TrySetResult();
    }

    /// <summary>The session is over, and the stream with it.</summary>
    public void Lose(CloseReason reason)
    {
        lock (Gate)
        {
            if (!IsOver)
                Break(reason, byPeer: true);
        }
    }

    /// <summary>The stream's OPEN was never sent, and there is no transport to send it on.</summary>
    public bool AwaitsOpen
    {
        get
        {
            lock (Gate)
                return Ledger.OpenDue;
        }
    }

    /// <summary>Writes what goes ahead of data; at most one OPEN or RESET, and a CREDIT. Returns the bytes written.</summary>
    public int WriteControl(Span<byte> to)
    {
        lock (Gate)
        {
            // It may still stand in a queue.
            if (_forgotten)
                return 0;
            if (_goneDue)
            {
                Forget();
                return LinkFrame.WriteEmpty(to, LinkFrameType.Gone, Id);
            }

            if (Ledger.ResetDue)
            {
                Ledger.SendReset();
                return LinkFrame.WriteReason(to, LinkFrameType.Reset, Id, _broken!.Value, ResetText);
            }

            var written = 0;
            if (Ledger.OpenDue)
            {
                Ledger.SendOpen();
                written = Open.Write(to, Id);
                if (Ledger.DataDue > 0 || Ledger.EndDue)
                    Session.EnqueueData(this);
            }

            if (Ledger.CreditDue)
            {
                written += LinkFrame.WriteCredit(to[written..], Id, Ledger.SendCredit());
                ForgetIfSettled();
            }

            return written;
        }
    }

    /// <summary>
    /// Writes one DATA or the END. A large piece that lies in one segment is not copied: <paramref name="direct"/> is then the segment, pinned until
    /// <see cref="Unpin"/>, and <paramref name="frame"/> the whole frame in it.
    /// </summary>
    /// <param name="more">There is more to send now.</param>
    /// <returns>The bytes written to <paramref name="to"/>.</returns>
    public int WriteData(Span<byte> to, out LinkSegment? direct, out ReadOnlyMemory<byte> frame, out bool more)
    {
        lock (Gate)
        {
            (direct, frame, more) = (null, default, false);
            if (_forgotten || IsOver)
                return 0;
            var due = Ledger.DataDue;
            if (due == 0)
                return Ledger.EndDue ? LinkFrame.WriteNumber(to, LinkFrameType.End, Id, Ledger.SendEnd()) : 0;

            var (segment, bytes) = _output.Retained.From(Ledger.Sent);
            var length = (int)Math.Min(bytes.Length, due);
            var written = 0;
            if (length >= DirectFromBytes && segment.Start == Ledger.Sent)
            {
                var offset = Ledger.SendData(length);
                LinkFrame.WriteDataHeader(segment.Array, Id, offset, length);
                segment.IsPinned = true;
                (direct, frame) = (segment, segment.Frame[..(LinkFrame.DataHeaderBytes + length)]);
            }
            else
            {
                length = Math.Min(length, to.Length - LinkFrame.DataHeaderBytes);
                written = LinkFrame.WriteDataHeader(to, Id, Ledger.SendData(length), length) + length;
                bytes.Span[..length].CopyTo(to[LinkFrame.DataHeaderBytes..]);
            }

            more = Ledger.DataDue > 0 || Ledger.EndDue;
            return written;
        }
    }

    /// <summary>The write from <paramref name="segment"/> is over.</summary>
    public void Unpin(LinkSegment segment)
    {
        lock (Gate)
            _output.Retained.Unpin(segment);
    }

    /// <summary>What KNOWN says about the stream; null when it need not be listed, since all that was owed to the peer is a GONE.</summary>
    public KnownStream? Known()
    {
        lock (Gate)
        {
            if (!_goneDue)
                return Ledger.State();
            Forget();
            return null;
        }
    }

    /// <summary>The peer's KNOWN is here. Returns what is impossible about it, or null.</summary>
    public string? Resume(KnownStream? peer, bool seen)
    {
        lock (Gate)
        {
            switch (Ledger.Resume(peer, seen))
            {
                case LedgerVerdict.Violation:
                    return $"KNOWN says {(peer is { } entry ? entry.ToString() : "nothing")} of stream {Id}, which has sent {Ledger.Written} and been told {Ledger.PeerReceived}";
                case LedgerVerdict.Forget:
                    Forget();
                    return null;
            }

            HaveRoom();
            if (Ledger.OpenDue || Ledger.ResetDue || Ledger.CreditDue)
                Session.EnqueueControl(this);
            if (Ledger.DataDue > 0 || Ledger.EndDue)
                Session.EnqueueData(this);
            return null;
        }
    }

    private void HaveRoom()
    {
        _output.Acknowledged();
        if (Ledger.DataDue > 0)
            Session.EnqueueData(this);
        if (_output.IsWaiting || _answered is not null)
            Session.HasNews(this);
        if (Ledger.PeerDelivered >= Ledger.Written)
            _drained?.TrySetResult();
        ForgetIfSettled();
    }

    private void ForgetIfSettled()
    {
        if (Ledger.Settled)
            Forget();
    }

    // Under the lock. Nothing of the stream is owed to anybody any more.
    private void Forget()
    {
        if (_forgotten)
            return;
        _forgotten = true;
        Session.Remove(this);
        Clear();
    }
}
