namespace JunctionRelay.Pki;

/// <summary>What the authority's junction grants, by its configuration.</summary>
/// <param name="Lifetime">Of the certificates that it issues.</param>
/// <param name="RejoinLimit">How often a junction may come back by its key alone within <see cref="Period"/>; 0 = never.</param>
internal sealed record EnrolmentRules(TimeSpan Lifetime, int RejoinLimit)
{
    public static readonly TimeSpan Period = TimeSpan.FromDays(30);

    /// <summary>Unless the configuration says otherwise: twice a day, for machines that are switched off at night and once more.</summary>
    public const int UsualRejoinLimit = 60;

    /// <summary>How often within <see cref="Period"/> a key may come with a certificate that was replaced: a disk that was restored does so once, two copies of a key at each renewal.</summary>
    public const int MostCopies = 10;
}
