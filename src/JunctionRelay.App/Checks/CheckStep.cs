namespace JunctionRelay.App.Checks;

/// <summary>What came of one hop.</summary>
internal enum CheckVerdict
{
    Ok,
    /// <summary>Not what is in the way, but worth knowing.</summary>
    Warning,
    Failed,
    /// <summary>Not looked at; the text says why.</summary>
    Skipped,
}

/// <summary>What is wrong at a hop, and what to do.</summary>
/// <param name="Exit">The class of the fault, one of <see cref="CommandLine.ExitCodes"/>.</param>
/// <param name="Text">What was seen.</param>
/// <param name="Remedy">What to do, and where.</param>
/// <param name="Client">What a FlexNet client prints that meets it; null where it is none of its business.</param>
internal sealed record CheckFault(int Exit, string Text, string Remedy, string? Client = null);

/// <summary>One hop, looked at.</summary>
/// <param name="Hop">One of <see cref="CheckHop"/>.</param>
/// <param name="Time">How long it took.</param>
/// <param name="Fault">Set when it failed.</param>
internal sealed record CheckStep(string Hop, CheckVerdict Verdict, string Text, TimeSpan Time, CheckFault? Fault = null);

/// <summary>The hops from a client to a license, by the names that people and programs see.</summary>
internal static class CheckHop
{
    public const string Junction = "junction";
    public const string Name = "name";
    public const string Tcp = "tcp";
    public const string Tls = "tls";
    public const string Link = "link";
    public const string Policy = "policy";
    public const string Dial = "dial";
    public const string Server = "lmgrd";
    public const string Redirect = "redirect";
    public const string RedirectName = "redirect-name";
    public const string VendorPort = "vendor-port";
    public const string Vendor = "vendor";
    public const string Sentieon = "sentieon";
    public const string Rlm = "rlm";
    public const string Relay = "relay";
}
