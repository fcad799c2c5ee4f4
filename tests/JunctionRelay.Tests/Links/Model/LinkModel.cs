using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links.Model;

/// <summary>A rule was broken in a state that the ends can reach.</summary>
internal sealed class ModelViolationException(string what) : Exception(what);

/// <summary>
/// Everything that may happen next between two ends of a link, with the real <see cref="StreamLedger"/> at both and the smallest sizes at which
/// the rules still matter: windows of one byte, channels of two frames. Stream s is opened by end s.
/// </summary>
internal sealed class LinkModel(int streams, int bytes, int cuts, int aborts, PlantedBug bug = PlantedBug.None)
{
    private const int Window = 1;
    private const int ChannelRoom = 2;

    public ModelState Start()
    {
        return new ModelState { Ends = [End(), End()], CutsLeft = cuts, AbortsLeft = aborts };

        ModelEnd End() => new()
        {
            Ledgers = new StreamLedger[streams],
            Status = new Known[streams],
            Dials = new int[streams],
            Aborted = new bool[streams],
            HeardReset = new bool[streams],
        };
    }

    /// <summary>Every state that one step leads to, and the step.</summary>
    public IEnumerable<(ModelStep Step, ModelState State)> Next(ModelState now)
    {
        for (var e = 0; e < 2; e++)
        {
            for (var s = 0; s < streams; s++)
            {
                foreach (var next in ProgramSteps(now, e, s).Concat(WriterSteps(now, e, s)))
                    yield return next;
            }

            if (now.Ends[e].Incoming.Count > 0)
            {
                var next = now.Copy();
                var frame = next.Ends[e].Incoming[0];
                next.Ends[e].Incoming.RemoveAt(0);
                Receive(next, e, frame);
                yield return (new ModelStep(StepKind.Receive, e), next);
            }
        }

        foreach (var next in NetworkSteps(now))
            yield return next;
    }

    /// <summary>Both ends have forgotten everything, and nobody was told less than the truth.</summary>
    public bool IsGoal(ModelState state)
    {
        for (var s = 0; s < streams; s++)
        {
            var (opener, taker) = (state.Ends[s], state.Ends[1 - s]);
            if (opener.Status[s] != Known.Forgotten || taker.Status[s] == Known.Live)
                return false;
            var aborted = opener.Aborted[s] || taker.Aborted[s];
            if (aborted ? taker.Status[s] == Known.Never && !opener.Aborted[s] : !(Complete(opener, s) && Complete(taker, s)))
                return false;
        }

        return true;
    }

    private bool Complete(ModelEnd end, int s) => end.Ledgers[s].Delivered == bytes + 1;

    private IEnumerable<(ModelStep, ModelState)> ProgramSteps(ModelState now, int e, int s)
    {
        var end = now.Ends[e];
        if (end.Status[s] == Known.Never)
        {
            if (e == s)
                yield return With(now, new ModelStep(StepKind.Open, e, s), next =>
                {
                    next.Status[s] = Known.Live;
                    next.Ledgers[s] = new StreamLedger(opener: true, Window, Window);
                });
            yield break;
        }

        var ledger = end.Ledgers[s];
        if (end.Status[s] != Known.Live || ledger.Reset)
            yield break;
        if (ledger.Written < bytes)
            yield return With(now, new ModelStep(StepKind.Write, e, s), next => next.Ledgers[s].Written++);
        else if (!ledger.Ended)
            yield return With(now, new ModelStep(StepKind.End, e, s), next => next.Ledgers[s].Ended = true);
        if (ledger.Delivered < ledger.Received)
            yield return With(now, new ModelStep(StepKind.Take, e, s), next =>
            {
                next.Ledgers[s].Delivered++;
                next.Ledgers[s].Limit = Math.Max(next.Ledgers[s].Limit, Math.Min(bytes, next.Ledgers[s].Delivered + Window));
                ForgetIfSettled(now, next, e, s);
            });
        if (now.AbortsLeft > 0)
        {
            var (step, next) = With(now, new ModelStep(StepKind.Abort, e, s), end =>
            {
                end.Aborted[s] = true;
                end.Ledgers[s].Reset = true;
                if (end.Ledgers[s].Vanishes)
                    end.Status[s] = Known.Forgotten;
            });
            next.AbortsLeft--;
            yield return (step, next);
        }
    }

    private IEnumerable<(ModelStep, ModelState)> WriterSteps(ModelState now, int e, int s)
    {
        var end = now.Ends[e];
        var maySend = end.Phase == Phase.Up || (bug == PlantedBug.SendsBeforeKnown && end.Phase == Phase.AwaitsKnown);
        if (end.Status[s] != Known.Live || !maySend || !HasRoom(now, e))
            yield break;
        var ledger = end.Ledgers[s];
        if (ledger.ResetDue)
            yield return Send(now, e, s, FrameKind.Reset, static (ref l) => { l.SendReset(); return default; });
        if (ledger.OpenDue)
            yield return Send(now, e, s, FrameKind.Open, static (ref l) => { l.SendOpen(); return default; });
        if (ledger.CreditDue)
            yield return Send(now, e, s, FrameKind.Credit, static (ref l) => (0, l.SendCredit()));
        if (ledger.DataDue > 0)
            yield return Send(now, e, s, FrameKind.Data, static (ref l) => (l.SendData(1), default));
        if (ledger.EndDue)
            yield return Send(now, e, s, FrameKind.End, static (ref l) => (l.SendEnd(), default));
    }

    private static IEnumerable<(ModelStep, ModelState)> NetworkSteps(ModelState now)
    {
        var (dialler, acceptor) = (now.Ends[0], now.Ends[1]);
        if (now.CutsLeft > 0 && !now.Broken)
        {
            var next = now.Copy();
            next.CutsLeft--;
            next.Broken = true;
            yield return (new ModelStep(StepKind.Cut), next);
        }

        // Each end notices in its own time, and until then still reads what had arrived.
        if (now.Broken && dialler.Phase != Phase.Down)
            yield return With(now, new ModelStep(StepKind.Notice, 0), end =>
            {
                end.Phase = Phase.Down;
                end.Incoming.Clear();
            });
        if (now.Broken && acceptor.Phase != Phase.Down && acceptor.Epoch == dialler.Epoch)
            yield return With(now, new ModelStep(StepKind.Notice, 1), end =>
            {
                end.Phase = Phase.Down;
                end.Incoming.RemoveAll(f => f.Epoch == end.Epoch);
            });

        if (dialler.Phase != Phase.Down)
            yield break;
        // What the acceptor has not read yet may still come, before or after the new HELLO, or never.
        foreach (var (keepsHello, overtakes) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            var next = now.Copy();
            next.Broken = false;
            next.Ends[0].Epoch++;
            next.Ends[0].Phase = Phase.AwaitsKnown;
            var incoming = next.Ends[1].Incoming;
            if (!keepsHello)
                incoming.RemoveAll(f => f.Epoch != acceptor.Epoch);
            if (keepsHello && !incoming.Exists(f => f.Kind == FrameKind.Hello))
                continue;
            incoming.Insert(overtakes ? 0 : incoming.Count, new ModelFrame(next.Ends[0].Epoch, FrameKind.Hello));
            if (!overtakes || incoming.Count > 1)
                yield return (new ModelStep(StepKind.Dial), next);
        }
    }

    private void Receive(ModelState state, int e, ModelFrame frame)
    {
        var end = state.Ends[e];
        switch (frame.Kind)
        {
            case FrameKind.Hello:
                if (frame.Epoch <= end.Epoch)
                    return;
                // Stop the old transport, then state.
                if (bug != PlantedBug.StatesBeforeItStops)
                    end.Incoming.RemoveAll(f => f.Epoch < frame.Epoch);
                end.Epoch = frame.Epoch;
                end.Phase = Phase.AwaitsKnown;
                SendKnown(state, e);
                return;
            case FrameKind.Known:
                if (frame.Epoch != end.Epoch)
                    return;
                if (e == 0)
                    SendKnown(state, e);
                Resume(state, e, frame);
                end.Phase = Phase.Up;
                return;
        }

        if (frame.Epoch != end.Epoch && bug != PlantedBug.StatesBeforeItStops)
            throw new ModelViolationException("a frame of an old epoch was applied");

        var s = frame.Stream;
        ref var ledger = ref end.Ledgers[s];
        if (frame.Kind == FrameKind.Open)
        {
            if (s + 1 <= end.Highest && bug != PlantedBug.OpensTwice)
                throw new ModelViolationException($"OPEN of stream {s} came twice");
            end.Highest = s + 1;
            end.Status[s] = Known.Live;
            if (++end.Dials[s] > 1)
                throw new ModelViolationException($"stream {s} was dialled twice");
            ledger = new StreamLedger(opener: false, Window, Window);
            return;
        }

        if (end.Status[s] == Known.Never)
            throw new ModelViolationException($"{frame.Kind} for stream {s}, which was never opened");
        if (end.Status[s] == Known.Forgotten)
        {
            if (frame.Kind is FrameKind.Data or FrameKind.End)
                throw new ModelViolationException($"{frame.Kind} for stream {s}, which is forgotten");
            return;
        }

        switch (frame.Kind)
        {
            case FrameKind.Data:
                Check(ledger.AcceptData(frame.Offset, 1), frame);
                if (bug == PlantedBug.CreditsReceived)
                    ledger.Limit = Math.Max(ledger.Limit, Math.Min(bytes, ledger.Received + Window));
                if (ledger.Received - ledger.Delivered > Window && !ledger.Reset)
                    throw new ModelViolationException("more was received than the window holds");
                break;
            case FrameKind.End:
                Check(ledger.AcceptEnd(frame.Offset), frame);
                if (ledger.Received != bytes + 1)
                    throw new ModelViolationException("an END came before all bytes");
                break;
            case FrameKind.Credit:
                Check(ledger.AcceptCredit(frame.Told), frame);
                break;
            case FrameKind.Reset:
                end.HeardReset[s] = true;
                end.Status[s] = Known.Forgotten;
                if (bug != PlantedBug.NeverGone)
                    Deliver(state, e, new ModelFrame(end.Epoch, FrameKind.Gone, s));
                return;
            case FrameKind.Gone:
                if (!ledger.Reset)
                    throw new ModelViolationException("GONE for a stream that was not reset");
                end.Status[s] = Known.Forgotten;
                return;
        }

        ForgetIfSettled(state, end, e, s);
    }

    private void SendKnown(ModelState state, int e)
    {
        var end = state.Ends[e];
        var list = new KnownStream?[streams];
        for (var s = 0; s < streams; s++)
        {
            if (end.Status[s] != Known.Live || (bug == PlantedBug.OmitsResetStreams && end.Ledgers[s].Reset))
                continue;
            list[s] = end.Ledgers[s].State();
            if (bug == PlantedBug.ResumesFromDelivered)
                list[s] = list[s]!.Value with { Received = list[s]!.Value.Delivered };
        }

        Deliver(state, e, new ModelFrame(end.Epoch, FrameKind.Known, List: list, Highest: end.Highest));
    }

    private void Resume(ModelState state, int e, ModelFrame known)
    {
        var end = state.Ends[e];
        for (var s = 0; s < streams; s++)
        {
            if (end.Status[s] != Known.Live)
                continue;
            var before = end.Ledgers[s];
            var entry = known.List![s];
            var seen = s + 1 <= known.Highest;
            if (bug == PlantedBug.LosesCredit && entry is { } told)
                entry = told with { Limit = before.PeerLimit };
            if (bug == PlantedBug.TakesLostOpenForSettled && e == s && entry is null && !seen)
            {
                end.Status[s] = Known.Forgotten;
                continue;
            }

            var verdict = end.Ledgers[s].Resume(entry, seen);
            if (verdict == LedgerVerdict.Violation)
                throw new ModelViolationException($"end {e} finds the peer's KNOWN impossible: {entry} for stream {s}");
            if (verdict == LedgerVerdict.Forget)
                end.Status[s] = Known.Forgotten;
            else if (bug == PlantedBug.LosesReset)
                end.Ledgers[s].ResetSent = before.ResetSent;
            else if (bug == PlantedBug.LosesEnd && before.Sent > before.Written)
                end.Ledgers[s].Sent = before.Sent;
            else if (bug == PlantedBug.OpensTwice && e == s)
                end.Ledgers[s].OpenSent = before.Known;
            ForgetIfSettled(state, end, e, s);
        }
    }

    private void ForgetIfSettled(ModelState state, ModelEnd end, int e, int s)
    {
        var ledger = end.Ledgers[s];
        var settled = bug switch
        {
            PlantedBug.SettlesOnReceived => ledger.Ended && ledger.PeerReceived == ledger.Written + 1 && ledger.PeerEnded && ledger.ToldReceived == ledger.Received,
            PlantedBug.ForgetsBeforeTelling => ledger.Ended && ledger.PeerDelivered == ledger.Written + 1 && ledger.PeerEnded && ledger.Delivered == ledger.Received,
            _ => ledger.Settled,
        };
        if (end.Status[s] != Known.Live || !settled)
            return;
        end.Status[s] = Known.Forgotten;
        if (!Complete(state.Ends[1 - e], s))
            throw new ModelViolationException($"end {e} settled stream {s} while the other end may still reset it");
    }

    private static void Check(LedgerFault fault, ModelFrame frame)
    {
        if (fault != LedgerFault.None)
            throw new ModelViolationException($"{frame.Kind} at {frame.Offset} of stream {frame.Stream}: {fault}");
    }

    private delegate (long Offset, KnownStream Told) Sending(ref StreamLedger ledger);

    private (ModelStep, ModelState) Send(ModelState now, int e, int s, FrameKind kind, Sending send)
    {
        var next = now.Copy();
        var end = next.Ends[e];
        var (offset, told) = send(ref end.Ledgers[s]);
        Deliver(next, e, new ModelFrame(end.Epoch, kind, s, offset, told));
        ForgetIfSettled(next, end, e, s);
        return (new ModelStep(StepKind.Send, e, s, kind), next);
    }

    // What is sent into a broken transport, or into one that the other end has left, is lost.
    private static void Deliver(ModelState state, int e, ModelFrame frame)
    {
        var other = state.Ends[1 - e];
        if (!state.Broken && frame.Epoch == other.Epoch && other.Phase != Phase.Down)
            other.Incoming.Add(frame);
    }

    private static bool HasRoom(ModelState state, int e) => state.Ends[1 - e].Incoming.Count < ChannelRoom;

    private static (ModelStep, ModelState) With(ModelState now, ModelStep step, Action<ModelEnd> change)
    {
        var next = now.Copy();
        change(next.Ends[step.End]);
        return (step, next);
    }
}
