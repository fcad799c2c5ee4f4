namespace JunctionRelay.Relay;

/// <summary>A certificate that this junction shows or trusts.</summary>
/// <param name="Kind">The key of the configuration that names it, e.g. <c>identity.certificate</c>.</param>
/// <param name="File">Where it was read from.</param>
/// <param name="Name">Whom it is about.</param>
/// <param name="Issuer">Who issued it.</param>
internal sealed record CertificateInUse(string Kind, string File, string Name, string Issuer, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
