namespace JunctionRelay.Policies;

/// <summary>A program of the administrator's that has the last word on a connection. Whatever goes wrong with it means no.</summary>
internal interface IAuthHook
{
    /// <summary>Permits or denies; never throws but for cancellation.</summary>
    ValueTask<Verdict> AskAsync(AuthRequest request, CancellationToken cancellationToken);
}
