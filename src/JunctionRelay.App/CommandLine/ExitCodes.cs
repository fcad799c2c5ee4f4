namespace JunctionRelay.App.CommandLine;

/// <summary>What the process tells its caller; after sysexits.h where that has a word for it.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>Of <c>check</c>: a name does not resolve.</summary>
    public const int Name = 10;

    /// <summary>Of <c>check</c>: refused, on the way to a junction.</summary>
    public const int Refused = 11;

    /// <summary>Of <c>check</c>: no answer, on the way to a junction.</summary>
    public const int TimedOut = 12;

    /// <summary>Of <c>check</c>: TLS; the handshake, a certificate, a name, the clock.</summary>
    public const int Tls = 13;

    /// <summary>Of <c>check</c>: the other side knows who asks, and says no.</summary>
    public const int Policy = 14;

    /// <summary>Of <c>check</c>: a junction could not dial the target; the text says refused, timed out or unresolved.</summary>
    public const int Target = 15;

    /// <summary>Of <c>check</c>: what answers does not speak as it should.</summary>
    public const int Protocol = 16;

    /// <summary>EX_UNAVAILABLE: a port in use, nothing running to ask.</summary>
    public const int Unavailable = 69;

    /// <summary>EX_NOPERM.</summary>
    public const int NotPermitted = 77;

    /// <summary>EX_CONFIG.</summary>
    public const int Configuration = 78;
}
