using System.Globalization;
using System.Net;
using JunctionRelay.Load.Workloads;

namespace JunctionRelay.Load;

/// <summary>One thing to measure, as named on the command line: <c>push4</c> is bulk towards the backend over 4 connections.</summary>
internal sealed record LoadCase(string Kind, int Count)
{
    public const string Push = "push", Pull = "pull", PingPong = "pp", Connect = "crr", Checkout = "checkout", Idle = "idle";

    public const string Grammar =
        "push N, pull N (bulk over N connections), pp N (150-byte ping-pong on N), crr N (connect-request-close, N at once), "
        + "checkout N (two of those in turn), idle N; N directly behind the word: push4";

    private static readonly string[] Kinds = [Push, Pull, PingPong, Connect, Checkout, Idle];

    public string Name => Kind + Count.ToString(CultureInfo.InvariantCulture);

    public static bool TryParse(string text, out LoadCase? parsed)
    {
        var kind = text.TrimEnd("0123456789".ToCharArray());
        var valid = int.TryParse(text[kind.Length..], CultureInfo.InvariantCulture, out var count) && count is > 0 and <= 100_000;
        parsed = valid && Kinds.Contains(kind) ? new LoadCase(kind, count) : null;
        return parsed is not null;
    }

    public Workload Create(IPEndPoint to) => Kind switch
    {
        Push => new Bulk(to, Order.Push, Count),
        Pull => new Bulk(to, Order.Pull, Count),
        PingPong => new PingPong(to, Count),
        Connect => new Connects(to, Count, inTurn: 1),
        Checkout => new Connects(to, Count, inTurn: 2),
        _ => new Idle(to, Count),
    };
}
