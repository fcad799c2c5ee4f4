using JunctionRelay.Connections;

namespace JunctionRelay.Links;

/// <summary>Connects to the other end of a link, securely; real ones over TCP and TLS, those of the tests in memory, and later through another link (<c>-J</c>).</summary>
internal interface ILinkConnector
{
    /// <summary>There is more than one address, so perhaps more than one junction.</summary>
    bool HasOthers { get; }

    /// <summary>The address that was dialled last was the last of its round.</summary>
    bool IsRoundOver { get; }

    /// <summary>A new round of the same addresses, in which the one that was dialled last comes last.</summary>
    ILinkConnector Others();

    /// <summary>
    /// Looks the name of the address that was dialled last up again. Where a junction has come that this dialler prefers, so that all diallers spread evenly over
    /// all junctions, a round that begins with it; else null.
    /// </summary>
    Task<ILinkConnector?> PreferredAsync(CancellationToken cancellationToken);

    /// <summary>
    /// A connection whose peer is authenticated: to the same address again when the last one <paramref name="wasRight"/>, else to the next. Null where nobody is to be asked
    /// for now.
    /// </summary>
    Task<DialOutcome?> ConnectAsync(bool wasRight, CancellationToken cancellationToken);

    /// <summary>
    /// At the address that was dialled last answered <paramref name="instance"/>, which is not the one that is looked for. An address at which the same one answers again is
    /// left alone for a while, unless it is the only one.
    /// </summary>
    void IsNotAt(Guid instance);
}
