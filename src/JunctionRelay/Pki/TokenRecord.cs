namespace JunctionRelay.Pki;

/// <summary>What the authority keeps of a token.</summary>
internal sealed record TokenRecord
{
    public required string Id { get; init; }

    /// <summary>SHA-256 of its secret, hexadecimal.</summary>
    public required string Hash { get; init; }

    /// <summary>The name that it gives, or a pattern of names.</summary>
    public required string Name { get; init; }

    /// <summary>How many junctions may join with it.</summary>
    public required int Uses { get; init; }

    public DateTimeOffset Created { get; init; }
    public DateTimeOffset Expires { get; init; }

    /// <summary>The address ranges that it may come from; empty = from anywhere.</summary>
    public string[] From { get => field ?? []; init; }

    public DateTimeOffset? Revoked { get; init; }
}

/// <summary>One use of a token.</summary>
/// <param name="Key">SHA-256 of the public key that joined, hexadecimal.</param>
/// <param name="Name">The name that it got.</param>
internal sealed record TokenUse(string Key, string Name, DateTimeOffset At, string? From);
