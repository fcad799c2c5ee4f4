using JunctionRelay.Links;
using JunctionRelay.Pki;

namespace JunctionRelay.Relay;

/// <summary>Who is refused in spite of a valid certificate, and where that comes from.</summary>
/// <param name="Lists">What is known of it.</param>
/// <param name="File">The list of the authority that lives here; null where none does.</param>
/// <param name="Directory">The links whose peers are told, and ended.</param>
/// <param name="Links">For the streams that tell them.</param>
internal sealed record RevocationPlan(DenyLists Lists, string? File, LinkDirectory Directory, OwnLinks Links);
