namespace JunctionRelay.App.Hosting;

/// <summary>Machines without OpenSSL: everything without TLS works there, such as a check from a compute node; what needs it says so in a sentence.</summary>
internal static class OpenSslFloor
{
    /// <summary>The sentence, where that is what a fault comes from; else null.</summary>
    public static string? Of(Exception fault)
    {
        for (var e = fault; e is not null; e = e.InnerException!)
        {
            if (e is PlatformNotSupportedException or DllNotFoundException && e.Message.Contains("OpenSSL", StringComparison.OrdinalIgnoreCase))
                return "junction: this needs TLS, and there is no OpenSSL on this machine that is known here (libssl 1.1.1 or 3): install it (Debian: libssl3, RHEL: openssl-libs). `junction check PORT@HOST` works without";
        }

        return null;
    }
}
