namespace JunctionRelay.Relay;

/// <summary>Something that this junction writes down while it runs, for its next start.</summary>
/// <param name="Kind"><c>certificate</c>: our renewed one; <c>deny-list</c>: those that were learnt; <c>authority</c>: what the authority that lives here knows of its junctions.</param>
/// <param name="Path">Where.</param>
/// <param name="Failing">Why it could not be written when that was last tried; null when it could.</param>
internal sealed record KeptState(string Kind, string Path, string? Failing);
