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

        if (await Server(stop) is not { } lmgrd) return false;
        var conversation = new LicenseConversation(trail, name, behind);
        FlexLmRedirect? redirect;
        await using (lmgrd) redirect = await conversation.AskServerAsync(lmgrd, stop);
        if (redirect is null || !await Named(redirect, stop) || await Daemon(redirect, stop) is not { } daemon) return false;
        await using (daemon)
        {
            var isTaken = await conversation.AskVendorAsync(daemon, stop);
            await daemon.CompleteOutputAsync();
            return isTaken;
        }
    }
}
