using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Leaves the finite-field groups (RFC 7919) out of TLS: a stranger who asks for ffdhe8192 costs a server a hundred times the processor of a handshake over a curve (D(HE)at,
/// CVE-2002-20001), and ffdhe2048 is weaker than P-256. SslStream has no say in it, so that OpenSSL itself is told, before its first context: by the key <c>Groups</c> of its
/// configuration's <c>system_default</c> section (ssl_conf, config(5)), in memory; all else in the system's configuration stays as it is.
/// </summary>
internal static class OpenSslGroups
{
    /// <summary>The curves alone, those of 128 bits and little arithmetic first.</summary>
    private const string Groups = "X25519:P-256:X448:P-384:P-521";

    /// <summary>
    /// Takes effect for all TLS of this process from now on. Nothing happens where the administrator has chosen groups in OpenSSL's configuration, and where TLS is not OpenSSL 3's:
    /// then the defaults hold, which are sound, if dear.
    /// </summary>
    public static void CurvesOnly()
    {
        if (!OperatingSystem.IsLinux()) return;
        // The framework loads and initializes its OpenSSL in its own way, and reads the system's configuration.
        RandomNumberGenerator.GetBytes(1);
        try
        {
            Configure();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another OpenSSL, or none.
        }
    }

    private static void Configure()
    {
        var configuration = NewConfiguration(0);
        if (configuration == 0) return;
        try
        {
            var file = DefaultFile();
            _ = Load(configuration, file, 0);   // one that is not there has nothing to say
            Free(file, "", 0);
            var ssl = Text(configuration, Text(configuration, null, "openssl_conf"), "ssl_conf");
            var defaults = Text(configuration, ssl, "system_default");
            if (Text(configuration, defaults, "Groups") is null && Text(configuration, defaults, "Curves") is null)
                Add(configuration, ssl ?? "junction_ssl", defaults ?? "junction_defaults");
        }
        finally
        {
            Free(configuration);
            // What was not found has left errors behind that nobody should take for his own.
            ClearErrors();
        }
    }

    // Of the system's configuration only the section of TLS is loaded once more, with our line in it.
    private static void Add(nint configuration, string ssl, string defaults)
    {
        // BIO_new_mem_buf copies nothing.
        var text = Marshal.StringToCoTaskMemUTF8($"junction_init = junction_modules\n[junction_modules]\nssl_conf = {ssl}\n[{ssl}]\nsystem_default = {defaults}\n[{defaults}]\nGroups = {Groups}\n");
        var memory = OpenMemory(text, WholeText);
        try
        {
            if (memory != 0 && LoadFrom(configuration, memory, 0) > 0) _ = Apply(configuration, "junction_init", 0);
        }
        finally
        {
            _ = Close(memory);
            Marshal.FreeCoTaskMem(text);
        }
    }

    private static string? Text(nint configuration, string? section, string name) =>
        section is null && name != "openssl_conf" ? null : Marshal.PtrToStringUTF8(Find(configuration, section, name));

    private const string Library = "libcrypto.so.3";
    private const int WholeText = -1;   // up to its zero

    [DllImport(Library, EntryPoint = "NCONF_new"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NewConfiguration(nint method);

    [DllImport(Library, EntryPoint = "NCONF_free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void Free(nint configuration);

    [DllImport(Library, EntryPoint = "CONF_get1_default_config_file"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint DefaultFile();

    [DllImport(Library, EntryPoint = "CRYPTO_free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void Free(nint memory, [MarshalAs(UnmanagedType.LPUTF8Str)] string file, int line);

    [DllImport(Library, EntryPoint = "NCONF_load"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Load(nint configuration, nint file, nint wrongLine);

    [DllImport(Library, EntryPoint = "NCONF_load_bio"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int LoadFrom(nint configuration, nint memory, nint wrongLine);

    [DllImport(Library, EntryPoint = "NCONF_get_string"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Find(nint configuration, [MarshalAs(UnmanagedType.LPUTF8Str)] string? section, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);

    [DllImport(Library, EntryPoint = "CONF_modules_load"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Apply(nint configuration, [MarshalAs(UnmanagedType.LPUTF8Str)] string section, uint flags);

    [DllImport(Library, EntryPoint = "BIO_new_mem_buf"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint OpenMemory(nint bytes, int length);

    [DllImport(Library, EntryPoint = "BIO_free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(nint memory);

    [DllImport(Library, EntryPoint = "ERR_clear_error"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void ClearErrors();
}
