using JunctionRelay.Connections;

namespace JunctionRelay.Targets;

/// <summary>
/// Whether one target is up, as dials and probes tell, and how many connections it has. A target that was never tried counts as up; one that
/// is not probed is never marked down, since nothing would bring it back.
/// </summary>
/// <param name="counts">What it has done so far, perhaps under another plan; null for nothing yet.</param>
internal sealed class TargetHealth(ITarget target, bool probed, TargetCounts? counts = null)
{
    /// <summary>Failures in a row that take a target out; a refusal is definite and does it at once.</summary>
    private const int FailuresThatCount = 2;

    private readonly Lock _lock = new();
    private readonly TargetCounts _counts = counts ?? new TargetCounts();
    private int _failures;   // under _lock
    private bool _up = true;

    public ITarget Target => target;
    public bool IsProbed => probed;
    public bool IsUp => Volatile.Read(ref _up);

    /// <summary>Relayed connections to this target now.</summary>
    public int Active => _counts.Active;

    /// <summary>The same with those that are being dialled: in a burst nobody has connected yet.</summary>
    public int Load => _counts.Active + _counts.Dialling;

    /// <summary>Why it is down, for people; empty while up.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>Dials for clients that failed, by reason; probes are none.</summary>
    public IEnumerable<KeyValuePair<CloseReason, long>> DialFailures => _counts.Failures;

    /// <summary>Told when the target goes out or comes back; not under the lock.</summary>
    public event Action<TargetHealth>? Changed;

    /// <summary>A dial or probe came to an end; <paramref name="failure"/> null = it succeeded.</summary>
    public void Report(DialOutcome? failure)
    {
        if (!probed || failure is { } f && !SaysDown(f.Reason)) return;
        lock (_lock)
        {
            _failures = failure is null ? 0 : _failures + 1;
            var up = failure is not { } how || _up && !IsDefinite(how.Reason) && _failures < FailuresThatCount;
            if (up == _up) return;
            _up = up;
            Detail = failure?.Detail ?? "";
        }

        Changed?.Invoke(this);
    }

    public void DialStarted() => _counts.DialStarted();
    public void DialFailed(CloseReason reason) => _counts.DialFailed(reason);
    public void DialEnded() => _counts.DialEnded();
    public void ConnectionStarted() => _counts.ConnectionStarted();
    public void ConnectionEnded() => _counts.ConnectionEnded();

    // A certificate that we refuse, or our own lack of descriptors, says nothing that the next probe could take back.
    private static bool SaysDown(CloseReason reason) =>
        reason is CloseReason.DialRefused or CloseReason.DialTimeout or CloseReason.DialUnresolved or CloseReason.DialUnreachable or CloseReason.LinkDown;

    private static bool IsDefinite(CloseReason reason) => reason is CloseReason.DialRefused or CloseReason.LinkDown;
}
