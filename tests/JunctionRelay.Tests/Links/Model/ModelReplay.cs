using System.Diagnostics.CodeAnalysis;
using JunctionRelay.Connections;
using JunctionRelay.Links;

namespace JunctionRelay.Tests.Links.Model;

/// <summary>
/// Two real sessions, led step by step along a schedule of the model's: no transport, no clock, no thread but this one. After each step they must know what
/// the model knows, whatever the model may send must stand in a queue, and every byte must be the one that was written there.
/// </summary>
/// <param name="model">Whose schedules are followed.</param>
/// <param name="streams">How many streams it has.</param>
/// <param name="loses">The first frame of this kind never arrives: what is to be found then.</param>
internal sealed class ModelReplay(LinkModel model, int streams, FrameKind? loses = null)
{
    private readonly ReplayEnd[] _ends = [new(0, streams), new(1, streams)];
    // The model's frames on their way, and what the sessions wrote for them.
    private readonly Dictionary<ModelFrame, byte[]> _bytes = new(ReferenceEqualityComparer.Instance);
    private bool _hasLost;

    /// <summary>Follows <paramref name="schedule"/>; returns the number of steps that were taken, all of them unless something went otherwise than in the model.</summary>
    /// <remarks>But where a program aborts what has ended and was told so. In the model that is an abort, here it is none, and the rest of the schedule says nothing.</remarks>
    public (int Steps, string? Wrong) Run(int[] schedule)
    {
        var state = model.Start();
        var done = new List<ModelStep>();
        foreach (var place in schedule)
        {
            var (step, next) = model.Next(state).ElementAt(place);
            if (step.Kind == StepKind.Abort && _ends[step.End].IsDone(step.Stream))
                return (done.Count, null);
            done.Add(step);
            var wrong = Do(step, state, next) ?? _ends[0].Differs(next.Ends[0]) ?? _ends[1].Differs(next.Ends[1]);
            if (wrong is not null)
                return (done.Count, $"{wrong}\nafter {string.Join("\n      ", done)}");
            state = next;
        }

        return (done.Count, null);
    }

    private string? Do(ModelStep step, ModelState state, ModelState next)
    {
        var end = _ends[step.End];
        switch (step.Kind)
        {
            case StepKind.Open:
                return end.Open(step.Stream);
            case StepKind.Write:
                end.Write(step.Stream);
                return null;
            case StepKind.End:
                end.End(step.Stream);
                return null;
            case StepKind.Take:
                return end.Take(step.Stream);
            case StepKind.Abort:
                end.Abort(step.Stream);
                return null;
            case StepKind.Send:
                var wrong = end.Send(step.Stream, step.Frame, out var bytes);
                Keep(step, state, next, bytes);
                return wrong;
            case StepKind.Receive:
                return Receive(step, state, next);
            default:
                return null;   // sessions notice nothing of a cut but the silence, and the new epoch
        }
    }

    private string? Receive(ModelStep step, ModelState state, ModelState next)
    {
        var (e, end) = (step.End, _ends[step.End]);
        var frame = state.Ends[e].Incoming[0];
        var isNews = frame.Kind switch
        {
            FrameKind.Hello => frame.Epoch > state.Ends[e].Epoch,
            FrameKind.Known => frame.Epoch == state.Ends[e].Epoch,
            _ => true,
        };
        if (!isNews)
            return null;
        // The acceptor states what it has when it is greeted, the dialler when it is answered.
        if (frame.Kind == FrameKind.Hello || (frame.Kind == FrameKind.Known && e == 0))
            Keep(step, state, next, end.BeginEpoch());
        if (frame.Kind == FrameKind.Hello)
            return null;
        _bytes.Remove(frame, out var bytes);
        if (frame.Kind == loses && !_hasLost)
        {
            _hasLost = true;
            return null;
        }

        var wrong = end.Apply(bytes!, frame);
        if (wrong is null && frame.Kind == FrameKind.Reset && state.Ends[e].Status[frame.Stream] == Known.Live)
        {
            wrong = end.Send(frame.Stream, FrameKind.Gone, out var gone);
            Keep(step, state, next, gone);
        }

        return wrong;
    }

    // What was sent stands last in the other end's channel, unless it was lost.
    private void Keep(ModelStep step, ModelState state, ModelState next, byte[] bytes)
    {
        var (before, after) = (state.Ends[1 - step.End].Incoming, next.Ends[1 - step.End].Incoming);
        if (after.Count > before.Count)
            _bytes.Add(after[^1], bytes);
    }

    [SuppressMessage("Reliability", "CA2012:Use ValueTasks correctly", Justification = "what is accepted has been offered before, on this thread")]
    [SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a listener of links holds nothing but a queue")]
    private sealed class ReplayEnd
    {
        private readonly int _number;
        private readonly LinkSession _session;
        private readonly LinkListener _listener = new("replay");
        private readonly LinkStream?[] _streams;
        private readonly Task[] _writing;
        private readonly int[] _toWrite;
        private readonly int[] _written;
        private readonly bool[] _ends;
        private LinkReader _reader = new();

        public ReplayEnd(int number, int streams)
        {
            var options = new LinkOptions
            {
                Self = new LinkParty($"end{number}", Guid.Empty, 1),
                Log = new QuietLog(),
                MaxStreams = streams,
                // The model's; it does not grow, since nobody is in a hurry.
                InitialWindow = 1,
                Time = new SlowTime(),
            };
            var hello = new LinkHello { Party = new LinkParty($"end{1 - number}", Guid.Empty, 1), Limits = options.Limits };
            _number = number;
            _session = new LinkSession(Guid.Empty, isDialler: number == 0, options, hello, null, _listener);
            (_streams, _toWrite, _written, _ends) = (new LinkStream?[streams], new int[streams], new int[streams], new bool[streams]);
            _writing = [.. Enumerable.Repeat(Task.CompletedTask, streams)];
        }

        public string? Open(int s)
        {
            if (!_session.TryOpen(LinkPair.Open(), out var stream, out var refused))
                return $"end {_number}: stream {s} is refused: {refused}";
            _streams[s] = stream;
            return null;
        }

        public void Write(int s)
        {
            _toWrite[s]++;
            GoOn(s);
        }

        public void End(int s)
        {
            _ends[s] = true;
            GoOn(s);
        }

        public void Abort(int s) => _streams[s]!.Abort(CloseReason.ClientReset);

        /// <summary>An abort says nothing any more.</summary>
        public bool IsDone(int s) => _streams[s] is { Ledger: { Ended: true, PeerEnded: true } ledger } && ledger.Delivered == ledger.Received;

        /// <summary>The next byte, or the end.</summary>
        public string? Take(int s)
        {
            var ledger = _streams[s]!.Ledger;
            var input = (LinkStreamInput)_streams[s]!.Input;
            // Who reads after the END is told both together.
            if (ledger.PeerEnded && ledger.Delivered < ledger.Received - 1)
            {
                input.TakeFirst(1);
                return null;
            }

            if (!input.TryRead(out var read))
                return $"end {_number}: nothing to read of stream {s}";
            if (ledger.PeerEnded)
                return read.IsCompleted ? null : $"end {_number}: stream {s} has not ended";
            input.AdvanceTo(read.Buffer.GetPosition(1));
            return null;
        }

        /// <summary>Writes what of stream <paramref name="s"/> is due, as a link's writer does when its turn comes.</summary>
        public string? Send(int s, FrameKind kind, out byte[] bytes)
        {
            bytes = [];
            var isControl = kind is not (FrameKind.Data or FrameKind.End);
            var passedOver = new List<(LinkStream Stream, bool IsControl)>();
            LinkStream? found = null;
            while (found is null && _session.Outbox.TryTake(out var stream, out var control))
            {
                if (stream == _streams[s] && control == isControl)
                    found = stream;
                else
                    passedOver.Add((stream, control));
            }

            foreach (var (stream, control) in passedOver)
            {
                if (control)
                    _session.EnqueueControl(stream);
                else
                    _session.EnqueueData(stream);
            }

            if (found is null)
                return $"end {_number}: {kind} of stream {s} is due and stands in no queue";
            var batch = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxFieldsBytes + LinkFrame.CreditBytes];
            var more = false;
            var length = isControl ? found.WriteControl(batch) : found.WriteData(kind == FrameKind.Data ? batch.AsSpan(0, LinkFrame.DataHeaderBytes + 1) : batch, out _, out _, out more);
            if (more)
                _session.EnqueueData(found);
            bytes = batch[..length];
            return length > 0 && LinkFrame.ReadHeader(bytes).Type == kind switch
            {
                FrameKind.Open => LinkFrameType.Open,
                FrameKind.Data => LinkFrameType.Data,
                FrameKind.End => LinkFrameType.End,
                FrameKind.Credit => LinkFrameType.Credit,
                FrameKind.Reset => LinkFrameType.Reset,
                _ => LinkFrameType.Gone,
            } ? null : $"end {_number}: {(length > 0 ? LinkFrame.ReadHeader(bytes).Type.ToString() : "nothing")} of stream {s} instead of {kind}";
        }

        /// <summary>A new transport: returns KNOWN.</summary>
        public byte[] BeginEpoch()
        {
            var known = _session.State();
            _session.BeginEpoch(isResume: true);
            _session.Outbox.Begin(EngineTurn.Share(), held: true);
            _reader = new LinkReader();
            var bytes = new byte[1024];
            var length = LinkFrame.WriteKnownHeader(bytes, known.Count, true, _session.HighestSeen);
            foreach (var (stream, state) in known)
                length += LinkFrame.WriteKnownEntry(bytes.AsSpan(length), stream, state);
            return bytes[..length];
        }

        public string? Apply(byte[] bytes, ModelFrame frame)
        {
            if (_reader.Apply(bytes, _session) is { } violation)
                return $"end {_number}: {violation}";
            if (frame.Kind == FrameKind.Data && !IsAsWritten(frame.Stream))
                return $"end {_number}: what came of stream {frame.Stream} is not what was written";
            if (frame.Kind == FrameKind.Open)
            {
                var accepted = _listener.AcceptAsync();
                if (!accepted.IsCompletedSuccessfully)
                    return $"end {_number}: stream {frame.Stream} is offered to nobody";
                _streams[frame.Stream] = (LinkStream?)accepted.Result;
            }

            _session.TellNews();
            for (var s = 0; s < _streams.Length; s++)
                GoOn(s);
            return null;
        }

        public string? Differs(ModelEnd wanted)
        {
            if (_session.StreamCount != wanted.Status.Count(status => status == Known.Live))
                return $"end {_number} holds {_session.StreamCount} streams, the model's {string.Join(", ", wanted.Status)}";
            for (var s = 0; s < _streams.Length; s++)
            {
                if (wanted.Status[s] != Known.Live)
                    continue;
                var (real, told) = (Facts(_streams[s]!.Ledger), Facts(wanted.Ledgers[s]));
                if (real != told)
                    return $"end {_number}, stream {s}: {real},\nthe model has {told}";
                // What waits for room is not yet the stream's.
                if (_streams[s]!.Ledger.Written > wanted.Ledgers[s].Written)
                    return $"end {_number}, stream {s}: {_streams[s]!.Ledger.Written} bytes were written, {wanted.Ledgers[s].Written} in the model";
            }

            return null;
        }

        // Limits differ: the model's stop at the last byte, so that its states can be counted.
        private static (KnownStream Peer, KnownStream Own, KnownStream Told, long Sent, bool PeerEnded, bool OpenSent, bool Known, bool ResetSent, bool PeerResets) Facts(in StreamLedger l) =>
            (new(l.PeerResets, l.PeerReceived, l.PeerDelivered, 0), new(l.Reset, l.Received, l.Delivered, 0), new(false, l.ToldReceived, l.ToldDelivered, 0),
                l.Sent, l.PeerEnded, l.OpenSent, l.Known, l.ResetSent, l.PeerResets);

        private static byte Byte(int end, int s, long offset) => (byte)(1 + offset + 16 * s + 64 * end);

        // Looked at when it comes: who reads after the END takes it and the END together.
        private bool IsAsWritten(int s)
        {
            if (_streams[s] is not { IsOver: false } stream || !stream.Input.TryRead(out var read))
                return true;
            var (offset, isAsWritten) = (stream.Ledger.Delivered, true);
            foreach (var piece in read.Buffer)
            {
                foreach (var value in piece.Span)
                    isAsWritten &= value == Byte(1 - _number, s, offset++);
            }

            stream.Input.AdvanceTo(read.Buffer.Start);
            return isAsWritten && offset > stream.Ledger.Delivered;
        }

        // What the program at a stream wants to write is written as soon as there is room.
        private void GoOn(int s)
        {
            if (_streams[s] is not { IsOver: false } stream)
                return;
            for (; _toWrite[s] > 0 && _writing[s].IsCompleted; _toWrite[s]--)
                _writing[s] = stream.Output.WriteAsync(new[] { Byte(_number, s, _written[s]++) }).AsTask();
            if (_ends[s] && _toWrite[s] == 0 && _writing[s].IsCompleted)
                stream.EndOutput();
        }
    }
    /// <summary>A second passes whenever somebody looks, and no timer ever falls due.</summary>
    private sealed class SlowTime : TimeProvider
    {
        private long _now;

        public override long GetTimestamp() => _now += TimestampFrequency;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Timer();

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
