namespace JunctionRelay.Pki;

/// <summary>What the authority knows of one junction: its name, and the key that the name is bound to. A list that the file does not have, since an older version wrote it, is empty.</summary>
internal sealed record NodeRecord
{
    public required string Name { get; init; }

    /// <summary>SHA-256 of the public key, hexadecimal.</summary>
    public required string Key { get; init; }

    /// <summary>The token that it joined with; null where it was issued by hand.</summary>
    public string? Token { get; init; }

    public DateTimeOffset Joined { get; init; }

    /// <summary>The address that the newest certificate was asked for from.</summary>
    public string? From { get; init; }

    /// <summary>The newest certificate.</summary>
    public required string Serial { get; init; }

    /// <summary>The one that was shown to get it, or was the newest when it came back by key alone: when the answer was lost, it comes again.</summary>
    public string? Previous { get; init; }

    public DateTimeOffset Issued { get; init; }
    public DateTimeOffset Expires { get; init; }
    public long Renewals { get; init; }

    /// <summary>When it came back by its key alone; those that still count.</summary>
    public DateTimeOffset[] Rejoins { get => field ?? []; init; }

    /// <summary>When its key came with a certificate that had been replaced; those that still count.</summary>
    public DateTimeOffset[] Copies { get => field ?? []; init; }

    /// <summary>The newest certificate was given to the key alone, and has not been shown since: its answer may have been lost.</summary>
    public bool IsUnproven { get; init; }
}
