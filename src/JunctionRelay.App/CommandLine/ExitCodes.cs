namespace JunctionRelay.App.CommandLine;

/// <summary>What the process tells its caller; after sysexits.h where that has a word for it.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>EX_UNAVAILABLE: a port in use, nothing running to ask.</summary>
    public const int Unavailable = 69;

    /// <summary>EX_NOPERM.</summary>
    public const int NotPermitted = 77;

    /// <summary>EX_CONFIG.</summary>
    public const int Configuration = 78;
}
