using System.Globalization;
using System.Net;
using JunctionRelay.Load.Workloads;

namespace JunctionRelay.Load;

/// <summary>
/// One thing to measure, as named on the command line: <c>push4</c> is bulk towards the backend over 4 connections, <c>pp100-stalled20</c> ping-pong on 100 beside
/// 20 whose reader has stopped.
/// </summary>
internal sealed record LoadCase(string Kind, int Count, int Stalled = 0)
{
    public const string Push = "push", Pull = "pull", PingPong = "pp", Connect = "crr", Checkout = "checkout", Idle = "idle";

    public const string Grammar =
        "push N, pull N (bulk over N connections), pp N (150-byte ping-pong on N), crr N (connect-request-close, N at once), "
        + "checkout N (two of those in turn), idle N; N directly behind the word: push4; pp also with M more that nobody reads: pp100-stalled20";

    private const string StalledMark = "-stalled";

    private static readonly string[] Kinds = [Push, Pull, PingPong, Connect, Checkout, Idle];

    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Kind}{Count}{(Stalled > 0 ? StalledMark + Stalled : "")}");

    public static bool TryParse(string text, out LoadCase? parsed)
    {
        var parts = text.Split(StalledMark);
        var kind = parts[0].TrimEnd("0123456789".ToCharArray());
        var stalled = 0;
        var valid = IsCount(parts[0][kind.Length..], out var count) && (parts.Length == 1 || (parts.Length == 2 && kind == PingPong && IsCount(parts[1], out stalled)));
        parsed = valid && Kinds.Contains(kind) ? new LoadCase(kind, count, stalled) : null;
        return parsed is not null;
    }

    /// <param name="to">The relay.</param>
    /// <param name="behind">Where it is told to connect, if it is an entrance.</param>
    public Workload Create(IPEndPoint to, IPEndPoint? behind)
    {
        var workload = Create(to);
        workload.Behind = behind;
        return workload;
    }

    private Workload Create(IPEndPoint to) => Kind switch
    {
        Push => new Bulk(to, Order.Push, Count),
        Pull => new Bulk(to, Order.Pull, Count),
        PingPong => new PingPong(to, Count, Stalled),
        Connect => new Connects(to, Count, inTurn: 1),
        Checkout => new Connects(to, Count, inTurn: 2),
        _ => new Idle(to, Count),
    };

    private static bool IsCount(string text, out int count) => int.TryParse(text, CultureInfo.InvariantCulture, out count) && count is > 0 and <= 100_000;
}
