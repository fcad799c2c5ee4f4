namespace JunctionRelay.Pki;

/// <summary>What the authority knows of one junction: its name, and the key that the name is bound to.</summary>
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

    /// <summary>The one that was shown to get it: when the answer was lost, it comes again.</summary>
    public string? Previous { get; init; }

    public DateTimeOffset Issued { get; init; }
    public DateTimeOffset Expires { get; init; }
    public long Renewals { get; init; }

    /// <summary>When it came back without the newest certificate, by its key alone; those that still count.</summary>
    public DateTimeOffset[] Rejoins { get; init; } = [];
}
