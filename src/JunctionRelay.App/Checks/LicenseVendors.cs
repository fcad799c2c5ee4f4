using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>License variables: which lead a program to a server, and to which vendor's daemon.</summary>
internal static class LicenseVendors
{
    public const string Sentieon = "SENTIEON_LICENSE";

    private const string Suffix = "_LICENSE_FILE";
    private const string IsvSuffix = "_LICENSE";   // RLM: acme_LICENSE, and RLM_LICENSE for all
    private const string ForAll = "LM" + Suffix;
    private const string Cadence = "CDS_LIC_FILE";

    /// <summary>Leads programs to a license server. Much else ends in <c>_LICENSE</c>, keys among it, so that such a variable must name servers or files that are there.</summary>
    public static bool IsVariable(string name, string value) =>
        name.EndsWith(Suffix, StringComparison.Ordinal) || name is Cadence or Sentieon or "RLM_LICENSE"
        || (IsRlm(name) && (LicenseSource.ListFromVariable(value) is not null
            || (Entries(value) is { Length: > 0 } entries && entries.All(e => LicenseSource.ListFromVariable(e) is not null || File.Exists(e)))));

    /// <summary>A variable of RLM's programs.</summary>
    public static bool IsRlm(string? variable) => variable is not (null or Sentieon) && variable.EndsWith(IsvSuffix, StringComparison.Ordinal) && variable.Length > IsvSuffix.Length;

    /// <summary>The entries of a variable's value, in the order in which clients ask them.</summary>
    public static string[] Entries(string value) => value.Split(OperatingSystem.IsWindows() ? ';' : ':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The vendor daemon whose programs read a variable, in the variable's capitals, since nobody says which it has itself; null where the variable does not say.</summary>
    public static string? Of(string? variable) => variable switch
    {
        null or ForAll => null,
        Cadence => "cdslmd",
        _ => variable.EndsWith(Suffix, StringComparison.Ordinal) ? variable[..^Suffix.Length] : null,
    };

    /// <summary>How a name out of a variable may be meant, too; null for one that is not all in capitals, and so stands as somebody wrote it.</summary>
    public static string? OtherCase(string vendor) => vendor.Any(char.IsAsciiLetterLower) || !vendor.Any(char.IsAsciiLetterUpper) ? null : vendor.ToLowerInvariant();
}
