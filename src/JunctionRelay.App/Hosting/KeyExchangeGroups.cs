using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// The groups in which TLS agrees on keys: elliptic curves of 128 bits and more. OpenSSL 3 offers finite fields as well; the smallest is worth 112 bits, and the largest costs a
/// hundred times a curve's processor, for which any stranger may ask. .NET has no say in groups, so that OpenSSL is told itself (docs/decisions/0006).
/// </summary>
internal static class KeyExchangeGroups
{
    private const string Library = "libcrypto.so.3";
    private const int ToItsEnd = -1;

    /// <summary>
    /// OpenSSL's own lists without the finite fields. Since 3.3 a question mark stands before what a machine may lack (in FIPS mode X25519), before which the list as a whole was passed
    /// over; since 3.5 a hybrid with ML-KEM comes first, and stars say for which groups a client sends its share at once.
    /// </summary>
    private static readonly (long Since, string Groups)[] Lists =
    [
        (0x30500000, "?*X25519MLKEM768 / ?*X25519:?secp256r1 / ?X448:?secp384r1:?secp521r1"),
        (0x30300000, "?X25519:?secp256r1:?X448:?secp521r1:?secp384r1"),
        (0x30000000, "X25519:P-256:X448:P-521:P-384"),
        // 1.1.1 has curves alone.
    ];

    /// <summary>Names of sections that no configuration of a machine has.</summary>
    private const string Init = "junction_init", Tls = "junction_tls", Defaults = "junction_tls_defaults";

    /// <summary>
    /// Adds the groups to the configuration with which OpenSSL has begun, for all TLS of this process from here on. Where the administrator of the machine has named groups, those
    /// hold. Returns why it could not be done; null when it is done, or need not be.
    /// </summary>
    public static string? Limit()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            // .NET's OpenSSL begins here, with the machine's configuration: what it is told from now on stays.
            var version = SafeEvpPKeyHandle.OpenSslVersion;
            return Lists.FirstOrDefault(l => version >= l.Since).Groups is { } groups ? Add(groups) : null;
        }
        catch (Exception e) when (OpenSslFloor.Of(e) is not null || e is TypeInitializationException)
        {
            // No OpenSSL, no TLS.
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return e.Message;
        }
    }

    private static string? Add(string groups)
    {
        var machine = OfMachine();
        var (init, ssl, defaults) = (Init, Tls, Defaults);
        var configuration = Read(machine);
        try
        {
            // A machine's configuration that cannot be read is none, to OpenSSL as well.
            if (configuration == 0) machine = "";
            else if (Of(configuration, null, "openssl_conf") is { } begins && Of(configuration, begins, "ssl_conf") is { } names)
            {
                (ssl, defaults) = (names, Of(configuration, names, "system_default") ?? Defaults);
                if ((Of(configuration, defaults, "Groups") ?? Of(configuration, defaults, "Curves")) is not null) return null;
            }
        }
        finally
        {
            FreeConfiguration(configuration);
        }

        // What the machine says of TLS, and the groups. Nothing else of it is done again: its providers and engines are loaded.
        configuration = Read($"{machine}\n[default]\n{init} = {init}\n[{init}]\nssl_conf = {ssl}\n[{ssl}]\nsystem_default = {defaults}\n[{defaults}]\nGroups = {groups}\n");
        try
        {
            return configuration != 0 && Apply(configuration, Zero(init), new CULong(0)) > 0 ? null : "it does not take its configuration";
        }
        finally
        {
            FreeConfiguration(configuration);
            ClearErrors();
        }
    }

    // The file with which OpenSSL has begun: its own, or that of OPENSSL_CONF. It need not be there.
    private static string OfMachine()
    {
        var name = DefaultFile();
        try
        {
            return Marshal.PtrToStringUTF8(name) is { } file && File.Exists(file) ? File.ReadAllText(file) : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
        finally
        {
            Free(name, [0], 0);
        }
    }

    private static nint Read(string text)
    {
        var (bytes, configuration) = (Marshal.StringToCoTaskMemUTF8(text), NewConfiguration(0));
        var memory = NewMemory(bytes, ToItsEnd);
        var read = Load(configuration, memory, out _);
        _ = Free(memory);
        Marshal.FreeCoTaskMem(bytes);
        if (read > 0) return configuration;
        FreeConfiguration(configuration);
        return 0;
    }

    private static string? Of(nint configuration, string? section, string name) => Marshal.PtrToStringUTF8(Value(configuration, section is null ? null : Zero(section), Zero(name)));

    private static byte[] Zero(string text) => Encoding.UTF8.GetBytes(text + '\0');

    [DllImport(Library, EntryPoint = "CONF_get1_default_config_file"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint DefaultFile();

    [DllImport(Library, EntryPoint = "NCONF_new"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NewConfiguration(nint method);

    [DllImport(Library, EntryPoint = "NCONF_load_bio"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Load(nint configuration, nint text, out CLong line);

    [DllImport(Library, EntryPoint = "NCONF_get_string"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Value(nint configuration, byte[]? section, byte[] name);

    [DllImport(Library, EntryPoint = "CONF_modules_load"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Apply(nint configuration, byte[] application, CULong flags);

    [DllImport(Library, EntryPoint = "NCONF_free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void FreeConfiguration(nint configuration);

    [DllImport(Library, EntryPoint = "BIO_new_mem_buf"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NewMemory(nint text, int length);

    [DllImport(Library, EntryPoint = "BIO_free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Free(nint memory);

    [DllImport(Library, EntryPoint = "CRYPTO_free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void Free(nint allocated, byte[] file, int line);

    [DllImport(Library, EntryPoint = "ERR_clear_error"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void ClearErrors();
}
