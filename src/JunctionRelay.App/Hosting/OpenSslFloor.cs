using System.Runtime.InteropServices;

namespace JunctionRelay.App.Hosting;

/// <summary>Machines without OpenSSL: everything without TLS works there, such as a check from a compute node; what needs it says so in a sentence.</summary>
internal static class OpenSslFloor
{
    private const string Sentence =
        "junction: this needs TLS, and there is no OpenSSL on this machine that is known here (libssl 1.1.1 or 3): install it (Debian: libssl3, RHEL: openssl-libs). `junction check PORT@HOST` works without";

    // Those that .NET's own loader tries first; where it is told another (CLR_OPENSSL_VERSION_OVERRIDE), that is its business.
    private static readonly string[] Libraries = ["libssl.so.3", "libssl.so.1.1"];

    /// <summary>For what computes a hash or speaks TLS: the first hash without OpenSSL ends the process (SIGABRT), and no program can catch that.</summary>
    /// <exception cref="PlatformNotSupportedException">There is no OpenSSL; <see cref="Of"/> has the sentence.</exception>
    public static void Demand()
    {
        if (OperatingSystem.IsLinux() && Environment.GetEnvironmentVariable("CLR_OPENSSL_VERSION_OVERRIDE") is null && !Array.Exists(Libraries, l => NativeLibrary.TryLoad(l, out _)))
            throw new PlatformNotSupportedException("no OpenSSL");
    }

    /// <summary>The sentence, where that is what a fault comes from; else null.</summary>
    public static string? Of(Exception fault)
    {
        for (var e = fault; e is not null; e = e.InnerException!)
        {
            if (e is PlatformNotSupportedException or DllNotFoundException && e.Message.Contains("OpenSSL", StringComparison.OrdinalIgnoreCase))
                return Sentence;
        }

        return null;
    }
}
