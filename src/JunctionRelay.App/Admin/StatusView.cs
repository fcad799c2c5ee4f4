using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace JunctionRelay.App.Admin;

/// <summary>The status as a screen of text.</summary>
internal static class StatusView
{
    private const int MostEnds = 5;

    /// <param name="before">The status a moment ago, for rates; null when there is none.</param>
    /// <param name="mostConnections">How many connections to list, the oldest first.</param>
    /// <param name="width">Of the screen, in characters.</param>
    public static IRenderable Of(StatusDocument status, StatusDocument? before, int mostConnections, int width)
    {
        var parts = new List<IRenderable> { Head(status, before), Relays(status.Relays).In(width) };
        if (status.Links.Count > 0) parts.Add(Links(status.Links).In(width));
        if (status.Certificates.Count > 0) parts.Add(Certificates(status.Certificates).In(width));
        if (status.Seats is { Count: > 0 } seats) parts.Add(Seats(status, seats, mostConnections).In(width));
        if (status.Connections is { Count: > 0 } connections && mostConnections > 0) parts.Add(Connections(status, connections, mostConnections, width));
        if (status.Ends.Recent.Count > 0) parts.Add(Ends(status.Ends).In(width));
        return new Rows(parts.SelectMany((part, i) => i == 0 ? [part] : new[] { new Text(""), part }));
    }

    private static Rows Head(StatusDocument status, StatusDocument? before)
    {
        var lines = new List<IRenderable>
        {
            new Markup($"[bold]{Safe(status.Name)}[/]  {State(status)}  up {Age(status.Now - status.Started)}  [dim]junction {Safe(status.Version)}, process {status.Process}[/]"),
            new Markup($"{status.ConnectionCount} connections{(status.MostConnections is { } most ? $" of at most {most}" : "")}, {Size(status.BytesToTarget)} to targets{Rate(s => s.BytesToTarget)}, {Size(status.BytesToClient)} to clients{Rate(s => s.BytesToClient)}"),
        };
        if (!status.Configuration.Succeeded)
            lines.Add(new Markup($"[red]The configuration of {Safe(status.Configuration.ReadAt.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture))} was not taken:[/] {Safe(string.Join("; ", status.Configuration.Problems))}"));
        if (status.Log is { Failing: { } failing } log) lines.Add(new Markup($"[red]The log cannot be written:[/] {Safe(failing)}; {log.Dropped} lines are missing"));
        else if (status.Log is { Dropped: > 0 and var dropped }) lines.Add(new Markup($"[yellow]{dropped} lines of the log are missing[/]: its disk was full, or its reader slow"));
        foreach (var lost in status.Unwritten ?? []) lines.Add(new Markup($"[red]{Safe(lost.Path)} cannot be written:[/] {Safe(lost.Failing)}"));
        return new Rows(lines);

        string Rate(Func<StatusDocument, long> bytes) => before is null || status.Now <= before.Now ? ""
            : $" ({Size((long)((bytes(status) - bytes(before)) / (status.Now - before.Now).TotalSeconds))}/s)";
    }

    private static string State(StatusDocument status) => status switch
    {
        { State: "running", Ready: true } => "[green]running[/]",
        { State: "running" } => $"[red]running, not ready: {Safe(status.NotReady ?? "")}[/]",
        _ => $"[yellow]{Safe(status.State)}[/]",
    };

    private static Sheet Relays(IReadOnlyList<StatusRelay> relays)
    {
        var table = new Sheet("RELAY", "LISTENS", "NOW", "TO TARGET-", "TO CLIENT-", "ENDED-", "TARGETS*", "REFUSED*");
        foreach (var relay in relays)
        {
            table.Add(
                $"{Light(relay.HasPath && !relay.Paused)} {Safe(relay.Name)}{(relay.Paused ? " [yellow]paused[/]" : "")}",
                Safe(string.Join('\n', relay.Listen)),
                $"{relay.Connections}{(relay.MostConnections is { } most ? $" / {most}" : "")}",
                Size(relay.BytesToTarget), Size(relay.BytesToClient), $"{relay.Ended}",
                string.Join('\n', relay.Targets.Select(t => t.Up ? Safe(t.Name) : $"[red]{Safe(t.Name)}[/] {Safe(Why(t))}")),
                Safe(string.Join('\n', relay.Denied.Select(d => $"{d.Value} {d.Key}"))));
        }

        return table;
    }

    private static Sheet Links(IReadOnlyList<StatusLink> links)
    {
        var table = new Sheet("LINK", "PEER", "ADDRESS-", "ROUND TRIP", "STREAMS", "RESUMES-", "*");
        foreach (var link in links)
        {
            table.Add(
                $"{Light(link.Up)} {Safe(link.Name)}",
                $"{(link.Direction == "out" ? "→" : "←")} {Safe(link.Peer)}",
                Safe(link.Address ?? "-"),
                link.RoundTripSeconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.0##} ms") : "-",
                $"{link.Streams}", $"{link.Resumes}",
                Safe(string.Join(", ", new[] { link.PeerDraining ? "the peer drains" : null, link.DownSeconds is { } down ? $"down for {down:0} s" : null, link.Detail }.OfType<string>())));
        }

        return table;
    }

    private static Sheet Certificates(IReadOnlyList<StatusCertificate> certificates)
    {
        var table = new Sheet("CERTIFICATE", "NAME", "EXPIRES", "");
        foreach (var certificate in certificates)
        {
            var color = certificate.State switch { "good" => "default", "near" => "yellow", _ => "red" };
            table.Add(
                Safe(certificate.Kind), Safe(certificate.Name), $"{certificate.NotAfter:yyyy-MM-dd HH:mm}Z",
                certificate.State == "expired" ? "[red]expired[/]" : $"[{color}]in {Age(TimeSpan.FromDays(certificate.DaysLeft))}[/]");
        }

        return table;
    }

    private static Sheet Seats(StatusDocument status, IReadOnlyList<StatusSeats> seats, int most)
    {
        var table = new Sheet("SEATS", "VENDOR", "HELD", "BY", "AT-", "THROUGH-", "FOR");
        foreach (var vendor in seats)
        {
            table.Add(Safe(vendor.Relay), Safe(vendor.Vendor), $"{vendor.Held}", "", "", "", "");
            foreach (var who in vendor.Holders.Take(most))
                table.Add("", "", $"{who.Held}", Safe($"{who.User}@{who.Host}"), Safe(who.Client), Safe(who.Peer ?? "-"), Age(status.Now - who.Since));
            if (vendor.Holders.Count > most) table.Add("", "", "", $"and {vendor.Holders.Count - most} more", "", "", "");
        }

        return table;
    }

    private static Rows Connections(StatusDocument status, IReadOnlyList<StatusConnection> connections, int most, int width)
    {
        var table = new Sheet("FOR", "RELAY", "CLIENT", "WHO", "TARGET", "TO TARGET-", "TO CLIENT-");
        foreach (var connection in connections.Take(most))
        {
            table.Add(
                Age(status.Now - connection.Since), Safe(connection.Relay), Safe(connection.Client), Safe(Who(connection.User, connection.Host, connection.Vendor, connection.Peer)), Safe(connection.Target ?? "…"),
                Size(connection.BytesToTarget), Size(connection.BytesToClient));
        }

        var left = status.ConnectionCount - Math.Min(most, connections.Count);
        return left > 0 ? new Rows(table.In(width), new Markup($"[dim]and {left} more: --connections N, or --json[/]")) : new Rows(table.In(width));
    }

    private static Sheet Ends(StatusEnds ends)
    {
        var table = new Sheet("ENDED", "RELAY", "CLIENT", "WHO-", "AFTER-", "REASON", "*");
        foreach (var end in ends.Recent.Take(MostEnds))
        {
            var color = end.Reason is "client-closed" or "target-closed" ? "default" : "yellow";
            table.Add(
                Safe(end.At.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture)), Safe(end.Relay), Safe(end.Client), Safe(Who(end.User, end.Host, end.Vendor, end.Peer)), Age(TimeSpan.FromSeconds(end.Seconds)),
                $"[{color}]{Safe(end.Reason)}[/]", Safe(end.Detail ?? ""));
        }

        return table;
    }

    // User and node by the license protocol, else the name that a certificate proved.
    private static string Who(string? user, string? host, string? vendor, string? peer) =>
        user is null ? peer ?? "-" : $"{user}{(host is null ? "" : $"@{host}")}{(vendor is null ? "" : $" ({vendor})")}";

    // The detail names the target again.
    private static string Why(StatusTarget target) =>
        target.Detail is not { } detail ? "down" : detail.StartsWith(target.Name + ": ", StringComparison.Ordinal) ? detail[(target.Name.Length + 2)..] : detail;

    // Also to be told apart without colors.
    private static string Light(bool on) => on ? "[green]●[/]" : "[red]○[/]";

    private static string Age(TimeSpan age) => age switch
    {
        { TotalSeconds: < 1 } => "0 s",
        { TotalMinutes: < 1 } => $"{(int)age.TotalSeconds} s",
        { TotalHours: < 1 } => $"{(int)age.TotalMinutes} min",
        { TotalDays: < 1 } => $"{(int)age.TotalHours} h {age.Minutes} min",
        _ => $"{(int)age.TotalDays} d {age.Hours} h",
    };

    private static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        double size = bytes;
        var unit = 0;
        for (; size >= 1024 && unit < units.Length - 1; unit++) size /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{size:0.#} {units[unit]}");
    }

    // Names are chosen by others: neither markup nor control characters of theirs reach the terminal.
    private static string Safe(string text) => Markup.Escape(string.Concat(text.Select(c => char.IsControl(c) && c != '\n' ? '?' : c)));
}
