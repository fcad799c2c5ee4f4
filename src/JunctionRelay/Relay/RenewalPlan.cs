using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.Relay;

/// <summary>How our own certificate is kept valid.</summary>
/// <param name="Directory">Where it lives.</param>
/// <param name="Credentials">What is in use of it.</param>
/// <param name="From">Where it is renewed.</param>
/// <param name="Client">Asks at the address of <paramref name="From"/>; null where it has none.</param>
/// <param name="Links">The links over which it may be asked.</param>
/// <param name="Own">The authority, where it lives in this very junction.</param>
internal sealed record RenewalPlan(
    IdentityDirectory Directory, TlsCredentials Credentials, EnrolmentRecord From, EnrolmentClient? Client, OwnLinks Links, EnrolmentOffice? Own);
