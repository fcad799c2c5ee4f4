using System.ComponentModel;

namespace JunctionRelay.Configuration;

/// <summary>A link that this junction dials.</summary>
internal sealed record LinkConfig
{
    [Description("The addresses of the other junction, host:port. Several, or a name with several addresses, may also lead to junctions of one name that stand in for each other: when one is dead, new connections go to the next.")]
    public IReadOnlyList<string>? Dial { get; init; }

    [Description("The name that the other junction's certificate must have. Default: the name of the link.")]
    public string? Peer { get; init; }

    [AtLeast("0")]
    [Description("How long streams survive the loss of the link; \"0\" = not at all. The smaller value of the two ends holds. Default: 60s.")]
    public TimeSpan? Resume { get; init; }

    [Description("By what the other junction is reached: an HTTP proxy on the way out, http://host:port, which is asked with CONNECT; or another link, link://NAME/SERVICE, where SERVICE " +
        "has an open list that permits it (* = whichever does). That junction passes on ciphertext. Default: what the variables HTTPS_PROXY and NO_PROXY say.")]
    public string? Via { get; init; }

    [Description("A file that holds user:password for via. It is read for every connection.")]
    public string? ViaCredentials { get; init; }

    [AtLeast("100ms")]
    [Description("How often this end asks the other for a sign of life; when nothing has arrived for three times as long it gives the connection up, and the link is dialled anew. Default: 5s, so that a dead junction is found within 20 s.")]
    public TimeSpan? Ping { get; init; }

    [Description("Compress (Brotli) what is sent over the link by the streams that this junction opens, both ways; what does not shrink is sent as it is. Costs processor time at both ends, and lets whoever " +
        "sees the lengths guess secrets that travel in one write with text of a stranger's: see security.md. Needs a peer that can do it. Default: false.")]
    public bool? Compress { get; init; }
}
