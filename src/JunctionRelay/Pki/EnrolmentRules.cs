namespace JunctionRelay.Pki;

/// <summary>What the authority's junction grants, by its configuration.</summary>
/// <param name="Lifetime">Of the certificates that it issues.</param>
/// <param name="RejoinLimit">How often a junction may come back by its key alone within <see cref="RejoinPeriod"/>; 0 = never.</param>
internal sealed record EnrolmentRules(TimeSpan Lifetime, int RejoinLimit)
{
    public static readonly TimeSpan RejoinPeriod = TimeSpan.FromDays(30);
}
