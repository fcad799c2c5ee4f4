using JunctionRelay.Connections;
using JunctionRelay.Pki;
using JunctionRelay.Relay;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Configuration;

/// <summary>From <c>identity</c> and <c>pki</c> to the authority that lives here and to the renewal of our own certificate.</summary>
internal sealed class IdentityPlanBuilder(JunctionConfig config, TlsFiles identity, CertificateStores certificates, string home, TimeProvider time, PlanParts parts)
{
    private static readonly TimeSpan CertificateLifetime = TimeSpan.FromHours(24);

    /// <summary>Who serves junctions that want a certificate; null where no authority lives.</summary>
    public EnrolmentServer? Enrolment(ILogger log) => Office() is { } office ? parts.Of(Key, () => new EnrolmentServer(office, time, log)) : null;

    private string Key => $"pki {config.Pki}";

    private EnrolmentOffice? Office() => config.Pki is { Directory: { } directory } pki
        ? parts.Of(Key, () => new EnrolmentOffice(
            PkiDirectory.Open(Path.GetFullPath(directory, home), time), new EnrolmentRules(pki.CertificateLifetime ?? CertificateLifetime, pki.RejoinLimit ?? EnrolmentRules.UsualRejoinLimit), time))
        : null;

    /// <summary>The authority that lives here; null where none does.</summary>
    public PkiDirectory? Authority => Office()?.Pki;

    /// <summary>Where deny lists of others are kept; null where there is no directory for them.</summary>
    public static string? DenyListFile(JunctionConfig config, string home) => config.Identity?.Directory is { } path ? new IdentityDirectory(Path.GetFullPath(path, home)).DenyListFile : null;

    /// <summary>The junction where the authority of our own certificate lives; null where that is this one, or not known.</summary>
    public string? AuthoritysJunction => config.Pki is null && OwnDirectory is { } directory ? directory.ReadEnrolment()?.Junction : null;

    // Files of SPIFFE's helpers have one who renews them.
    private IdentityDirectory? OwnDirectory => config.Identity?.Directory is { } path && Path.GetFileName(identity.Certificate?.File) == IdentityDirectory.CertificateName
        ? new IdentityDirectory(Path.GetFullPath(path, home)) : null;

    /// <summary>How our own certificate is kept valid; null where it came from somebody else.</summary>
    public RenewalPlan? Renewal(OwnLinks links)
    {
        if (OwnDirectory is not { } directory)
            return null;
        var credentials = certificates.Of(identity);
        if (credentials.Now.Identity is not { Domain: not null } ours)
            return null;
        var own = Office() is { } office && PeerIdentity.Of(ours.Certificate, ours.Domain).Name == office.Pki.Settings.Junction ? office : null;
        if ((own is null ? directory.ReadEnrolment() : new EnrolmentRecord(own.Pki.Settings.Junction, null)) is not { } from)
            return null;
        var client = from.Address is { } address
            ? new EnrolmentClient(LinksPlanBuilder.Address(address), new SocketDialer(SocketSettings.Default), LinksPlanBuilder.FromEnvironment) : null;
        return parts.Of($"{directory.Root} {from} {Key}", () => new RenewalPlan(directory, credentials, from, client, links, own));
    }
}
