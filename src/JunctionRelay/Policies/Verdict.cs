namespace JunctionRelay.Policies;

/// <summary>What authorization decided, and by which rule.</summary>
/// <param name="Allowed">Whether the connection may go on.</param>
/// <param name="Rule">The rule that decided, as it is called in the configuration: for the log and for <c>junction_denied_total</c>.</param>
/// <param name="Detail">For people: what was asked and what would be allowed.</param>
/// <param name="Services">The services that the client may use, where that is what was judged.</param>
internal readonly record struct Verdict(bool Allowed, string Rule, string Detail = "", NamePatterns? Services = null);
