using JunctionRelay.Connections;
using JunctionRelay.Licensing;

namespace JunctionRelay.App.Checks;

/// <summary>A checkout without a license, over whatever leads to the license server: hello, redirect, what is to be said of its name, vendor port, hello.</summary>
/// <param name="vendor">The vendor daemon; empty: the one that lmgrd names.</param>
/// <param name="behind">See <see cref="LicenseConversation"/>.</param>
internal sealed class VendorWay(CheckTrail trail, string vendor, string? behind)
{
    /// <summary>Opens the connection to lmgrd; a failure is told by whoever opens it.</summary>
    public required Func<CancellationToken, Task<Connection?>> Server { get; init; }

    /// <summary>Looks at the redirect's name as a client would; false ends the walk.</summary>
    public required Func<FlexLmRedirect, CancellationToken, Task<bool>> Named { get; init; }

    /// <summary>Opens the connection to the vendor daemon; a failure is told by whoever opens it.</summary>
    public required Func<FlexLmRedirect, CancellationToken, Task<Connection?>> Daemon { get; init; }

    /// <summary>True when the vendor daemon took the hello, or there is no more to be looked at without its name.</summary>
    public async Task<bool> WalkAsync(CancellationToken stop)
    {
        var name = vendor;
        if (name.Length == 0)
        {
            if (await Server(stop) is not { } asked) return false;
            await using (asked)
            {
                var (isAnswered, found) = await new LicenseConversation(trail, "", behind).AskVendorNameAsync(asked, stop);
                if (!isAnswered) return false;
                if (found is null) return true;
                name = found;
            }
        }

        if (await RedirectAsync(name, stop) is not var (redirect, known) || !await Named(redirect, stop) || await Daemon(redirect, stop) is not { } daemon) return false;
        await using (daemon)
        {
            var isTaken = await new LicenseConversation(trail, known, behind).AskVendorAsync(daemon, stop);
            await daemon.CompleteOutputAsync();
            return isTaken;
        }
    }

    // Where clients of a daemon are sent, and by which spelling of its name; null when nowhere, which is told.
    private async Task<(FlexLmRedirect Redirect, string Name)?> RedirectAsync(string name, CancellationToken stop)
    {
        if (await AskAsync(name, stop) is not { } answer) return null;
        var fault = answer.Fault;
        if (answer is { IsAboutName: true } && LicenseVendors.OtherCase(name) is { } other)
        {
            if (await AskAsync(other, stop) is not { } second) return null;
            if (second.Redirect is not null) (name, answer) = (other, second);
            else fault = fault! with { Text = $"{fault.Text}; nor is {other} known there" };
        }

        if (answer.Redirect is { } redirect)
        {
            trail.Ok(CheckHop.Redirect, $"it sends clients of {name} to {redirect.Host} port {redirect.Port}");
            return (redirect, name);
        }

        trail.Fail(answer.Hop, fault!);
        return null;
    }

    private async Task<LicenseConversation.ServerAnswer?> AskAsync(string name, CancellationToken stop)
    {
        if (await Server(stop) is not { } lmgrd) return null;
        await using (lmgrd) return await new LicenseConversation(trail, name, behind).AskServerAsync(lmgrd, stop);
    }
}
