using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>What an authenticated peer may use of this junction.</summary>
internal sealed record PeerConfig
{
    [Description("The services that it may use, names or patterns. Default: none.")]
    public IReadOnlyList<string>? Services { get; init; }

    [Description("The addresses that it may dial in from. Default: any.")]
    public IReadOnlyList<string>? From { get; init; }

    [AtLeast("1")]
    [Description("How many streams it may hold at once, over all links with it, whoever dialled. Default: 10000.")]
    public int? MaxStreams { get; init; }

    [Description("The services that it may offer us (reverse), names or patterns. Default: none.")]
    public IReadOnlyList<string>? Offers { get; init; }

    [Description("Where it may have us listen for it (forward -R, or a relay whose listen is link://): ADDRESS:PORTS, e.g. 127.0.0.1:6000-6999, *:7000 for any address, or " +
        "unix:/PATH. Default: nowhere.")]
    public IReadOnlyList<string>? Listen { get; init; }

    [AtLeast("0")]
    [Description("How long its streams survive the loss of the link; \"0\" = not at all. The smaller value of the two ends holds. Default: 60s.")]
    public TimeSpan? Resume { get; init; }

    [Description("Compress what is sent over its link by the streams that this junction opens, as in links. Default: false.")]
    public bool? Compress { get; init; }

    [AtLeast("100ms")]
    [Description("How often this end asks the peer for a sign of life, as in links. Default: 5s.")]
    public TimeSpan? Ping { get; init; }
}
