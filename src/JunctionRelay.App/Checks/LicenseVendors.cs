namespace JunctionRelay.App.Checks;

/// <summary>Vendor daemons by the variables that their programs read.</summary>
internal static class LicenseVendors
{
    private const string Suffix = "_LICENSE_FILE";
    private const string ForAll = "LM" + Suffix;
    private const string Cadence = "CDS_LIC_FILE";

    /// <summary>Variables that lead programs to a license server.</summary>
    public static bool IsVariable(string name) => name.EndsWith(Suffix, StringComparison.Ordinal) || name is Cadence or "SENTIEON_LICENSE" or "RLM_LICENSE";

    /// <summary>The vendor daemon whose programs read a variable; null where the variable does not say.</summary>
    public static string? Of(string? variable) => variable switch
    {
        null or ForAll => null,
        Cadence => "cdslmd",
        _ => variable.EndsWith(Suffix, StringComparison.Ordinal) ? variable[..^Suffix.Length].ToLowerInvariant() : null,
    };
}
