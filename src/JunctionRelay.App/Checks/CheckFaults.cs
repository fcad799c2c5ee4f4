using System.Globalization;
using JunctionRelay.App.CommandLine;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Policies;

namespace JunctionRelay.App.Checks;

/// <summary>From what went wrong to its class, what to do about it, and what a FlexNet client prints there (codes: <c>docs/troubleshooting.md</c>).</summary>
internal static class CheckFaults
{
    public const string NoServerName = "-14: Cannot find SERVER hostname in network database";
    public const string NoConnection = "-15: Cannot connect to license server system";
    public const string NoData = "-16: Cannot read data from license server system";
    public const string InvalidData = "-12: Invalid returned data from license server system";
    public const string VendorUnreachable = "-96: License server machine is down or not responding";
    public const string VendorDown = "-97: The desired vendor daemon is down (or -96)";

    /// <summary>The junction takes the connection and ends it when it hears that it leads nowhere.</summary>
    public const string CutOff = "-16: Cannot read data from license server system (or -15: Cannot connect to license server system)";

    /// <summary>The same at the vendor daemon's port.</summary>
    public const string VendorCutOff = "-96: License server machine is down or not responding (or -16: Cannot read data from license server system)";
    public const string VendorDownBehind = "-97: The desired vendor daemon is down (or -96, or -16: Cannot read data from license server system)";

    /// <summary>Seen of clients that had come to a web server.</summary>
    public const string NoLicenseServer = "-16: Cannot read data from license server system (or -12: Invalid returned data from license server system)";

    /// <summary>A connection of this machine's own that is to lead to a junction.</summary>
    public static CheckFault Way(DialOutcome outcome, string host, string where, string? client) => outcome.Reason switch
    {
        CloseReason.DialUnresolved => new(
            ExitCodes.Name, outcome.Detail, $"add {host} to the DNS or to /etc/hosts of this machine, or write its address in place of the name", client),
        CloseReason.DialRefused => new(
            ExitCodes.Refused, outcome.Detail, $"nothing listens there, or a firewall rejects it: look whether the junction runs ({where}), and on that port", client),
        CloseReason.DialTimeout => new(
            ExitCodes.TimedOut, outcome.Detail, $"a firewall drops it, or the machine is down: ask for the port to be opened from this machine's address ({where})", client),
        _ => new(ExitCodes.TimedOut, outcome.Detail, $"this machine has no way there: look at its routes ({where})", client),
    };

    /// <summary>A refusal of the far junction, or a failure of this one's own dial.</summary>
    /// <param name="who">Who refused or dialled, for people.</param>
    /// <param name="isVendor">It was the vendor daemon's port, not the license server's.</param>
    public static CheckFault Far(DialOutcome outcome, string who, string service, string self, bool isVendor)
    {
        var client = !isVendor ? CutOff : outcome.Reason == CloseReason.DialRefused ? VendorDownBehind : VendorCutOff;
        var server = isVendor ? "the vendor daemon" : "the server";
        return outcome.Reason switch
        {
            CloseReason.NotPermitted when outcome.Detail.Contains(PausedServices.Refusal(service), StringComparison.Ordinal) => Paused(outcome.Detail, who, service, client),
            CloseReason.NotPermitted => new(ExitCodes.Policy, outcome.Detail, $"on {who}: let it, with \"peers\": {{ \"{self}\": {{ \"services\": [\"{service}\"] }} }} and the right \"from\"", client),
            CloseReason.NoSuchService => new(ExitCodes.Policy, outcome.Detail, $"on {who}: add \"{service}\" to services, or name the right one in the target here", client),
            CloseReason.VendorPortNotAllowed => new(ExitCodes.Policy, outcome.Detail, $"on {who}: \"protocol\": \"flexlm\" on the service, and a vendorPorts range that holds the port", client),
            CloseReason.AddressNotAllowed or CloseReason.CredentialsRejected or CloseReason.TooManyConnections or CloseReason.TooManyFromClient =>
                new(ExitCodes.Policy, outcome.Detail, $"on {who}: look at the rule that the text names", client),
            CloseReason.DialUnresolved => new(ExitCodes.Target, Said("unresolved", outcome), $"on {who}: mend the target's name, its DNS or its /etc/hosts", client),
            CloseReason.DialRefused => new(ExitCodes.Target, Said("refused", outcome), $"start {server}, or correct its port, where {who} dials it", client),
            CloseReason.DialTimeout => new(ExitCodes.Target, Said("timed out", outcome), $"{server} is down, or a firewall between {who} and it drops the port", client),
            CloseReason.DialUnreachable => new(ExitCodes.Target, Said("unreachable", outcome), $"{who} has no route to it", client),
            CloseReason.DialCertificateRejected or CloseReason.DialHandshakeFailed =>
                new(ExitCodes.Target, Said("TLS failed", outcome), $"on {who}: look at the certificate of the target, and at tls.trust and tls.serverName", client),
            CloseReason.NoTargetUp => new(ExitCodes.Target, Said("known to be down", outcome), $"start {server}, or open the way from {who} to it", client),
            CloseReason.LinkDown or CloseReason.LinkLost => new(ExitCodes.Target, Said("a link further on is down", outcome), $"check on {who}: junction check", client),
            _ => new(ExitCodes.Target, $"{outcome.Reason.Name()}: {outcome.Detail}", "docs/operating.md says what the reason means", client),
        };
    }

    /// <summary>Somebody has switched the service off, as a rule on purpose.</summary>
    public static CheckFault Paused(string text, string who, string service, string? client = CutOff) =>
        new(ExitCodes.Policy, text, $"on {who}, whose people did that on purpose: junction resume {service}, or take \"paused\" out of the service", client);

    /// <summary>The next junction of a link that goes through another one, which dials it.</summary>
    /// <param name="who">The junction that dials.</param>
    /// <param name="next">Where the next one listens.</param>
    public static CheckFault Through(DialOutcome outcome, string who, string service, string self, string next) => outcome.Reason switch
    {
        CloseReason.DialUnresolved => new(ExitCodes.Name, outcome.Detail, $"on {who}, which dials it: mend the name, its DNS or its /etc/hosts", NoConnection),
        CloseReason.DialRefused => new(ExitCodes.Refused, outcome.Detail, $"look whether the junction at {next} runs, and on that port: {who} dials it", NoConnection),
        CloseReason.DialTimeout => new(ExitCodes.TimedOut, outcome.Detail, $"a firewall between {who} and {next} drops it, or the machine is down", NoConnection),
        CloseReason.NotPermitted => new(
            ExitCodes.Policy, outcome.Detail, $"on {who}: a service with \"open\": [\"{next}\"], and \"peers\": {{ \"{self}\": {{ \"services\": [\"{(service == LinkOpen.AnyService ? "that service" : service)}\"] }} }}", NoConnection),
        _ => Far(outcome, who, service, self, isVendor: false),
    };

    /// <summary>Whether the far side spoke of its rules, or of its dial.</summary>
    public static string HopOf(CloseReason reason) => reason is >= CloseReason.AddressNotAllowed and < CloseReason.HandshakeTimeout ? CheckHop.Policy : CheckHop.Dial;

    public static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms");

    private static string Said(string kind, DialOutcome outcome) => $"{kind}: {outcome.Detail}";
}
