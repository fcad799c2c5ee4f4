using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using JunctionRelay.Files;

namespace JunctionRelay.Pki;

/// <summary>What an authority knows of itself beside its certificate.</summary>
/// <param name="Junction">The name of the junction where it lives: the only one that a token may be shown to.</param>
internal sealed record AuthoritySettings(string Junction);

/// <summary>
/// The directory where an authority lives: its certificate and key, the deny list, and a file for each junction that it named. The running junction and the
/// commands of its operators work on it at once: whoever changes something holds the lock.
/// </summary>
internal sealed class PkiDirectory : IDisposable
{
    private const string SettingsName = "authority.json", CertificateName = "ca.crt", KeyName = "ca.key", DenyListName = "deny.list", NodesName = "nodes", TokensName = "tokens", LockName = "lock";

    /// <summary>Whoever holds the lock longer has died with it or hangs.</summary>
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(5);

    private const int NoSpace = 28, ReadOnly = 30;   // ENOSPC, EROFS: nobody holds the lock, and waiting for it would help nobody

    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _mine = new(1);

    private PkiDirectory(string root, JunctionCa ca, AuthoritySettings settings, TimeProvider time) => (Root, Ca, Settings, _time) = (root, ca, settings, time);

    public string Root { get; }
    public JunctionCa Ca { get; }
    public AuthoritySettings Settings { get; }

    public TokenStore Tokens => new(In(TokensName));

    public string CertificateFile => In(CertificateName);
    public string DenyListFile => In(DenyListName);

    /// <summary>What those trust who trust this authority: a PEM bundle, in which an older authority may follow.</summary>
    public string TrustPem => File.ReadAllText(CertificateFile);

    /// <summary>Whether an authority lives there.</summary>
    public static bool Exists(string root) => File.Exists(Path.Combine(root, KeyName)) || File.Exists(Path.Combine(root, CertificateName));

    /// <summary>Makes a new authority.</summary>
    /// <exception cref="IOException">The directory cannot be written, or holds one.</exception>
    public static PkiDirectory Init(string root, string domain, string junction, TimeSpan lifetime, TimeProvider time)
    {
        root = Path.GetFullPath(root);
        if (Exists(root))
            throw new IOException($"{root} holds an authority already: choose another directory, or keep it");
        AtomicFile.MakeDirectory(root, AtomicFile.SecretDirectory);
        RefuseLoose(root);
        var (ca, key) = JunctionCa.Create(domain, time.GetUtcNow(), lifetime);
        var settings = new AuthoritySettings(junction);
        AtomicFile.Write(Path.Combine(root, SettingsName), JsonSerializer.SerializeToUtf8Bytes(settings, PkiJson.Default.AuthoritySettings), AtomicFile.Secret);
        AtomicFile.Write(Path.Combine(root, KeyName), key + "\n", AtomicFile.Secret);
        // Last: what Exists looks for is whole.
        AtomicFile.Write(Path.Combine(root, CertificateName), ca.Certificate.ExportCertificatePem() + "\n", AtomicFile.Public);
        return new PkiDirectory(root, ca, settings, time);
    }

    /// <exception cref="IOException">A file is missing, unreadable, or can be changed by others.</exception>
    /// <exception cref="CryptographicException">It holds no authority of ours.</exception>
    public static PkiDirectory Open(string root, TimeProvider time)
    {
        root = Path.GetFullPath(root);
        if (!Exists(root))
            throw new IOException($"{root} holds no authority: make one with `junction pki init`");
        RefuseLoose(root);
        var ca = JunctionCa.Load(Path.Combine(root, CertificateName), Path.Combine(root, KeyName));
        var settings = Parse(File.ReadAllBytes(Path.Combine(root, SettingsName)), PkiJson.Default.AuthoritySettings)
            ?? throw new CryptographicException($"{Path.Combine(root, SettingsName)} cannot be read");
        return new PkiDirectory(root, ca, settings, time);
    }

    /// <summary>Keeps other threads and processes from changing anything here until it is disposed.</summary>
    /// <exception cref="IOException">Somebody holds the lock and does not give it back.</exception>
    public async Task<IDisposable> LockAsync(CancellationToken cancellationToken)
    {
        await _mine.WaitAsync(cancellationToken);
        try
        {
            // By the system's clock, also in tests: it waits for another process.
            var asked = TimeProvider.System.GetTimestamp();
            while (true)
            {
                try
                {
                    return new Held(_mine, new FileStream(In(LockName), AtomicFile.Options(FileMode.OpenOrCreate, AtomicFile.Secret)));
                }
                catch (IOException e) when (e.HResult is not (NoSpace or ReadOnly) && e is not (DirectoryNotFoundException or FileNotFoundException) && TimeProvider.System.GetElapsedTime(asked) < LockTimeout)
                {
                    await Task.Delay(LockPoll, cancellationToken);
                }
            }
        }
        catch (Exception e)
        {
            if (e is IOException or UnauthorizedAccessException)
                Written.Failed(e.Message);
            _mine.Release();
            throw;
        }
    }

    /// <summary>What is known of a junction; null when the name is free.</summary>
    public NodeRecord? ReadNode(string name)
    {
        var file = NodeFile(name);
        return File.Exists(file) ? Parse(File.ReadAllBytes(file), PkiJson.Default.NodeRecord) ?? throw new IOException($"{file} cannot be read") : null;
    }

    /// <summary>Takes down what is known of a junction. Only with the lock.</summary>
    public void WriteNode(NodeRecord node)
    {
        Written.Do(() =>
        {
            AtomicFile.MakeDirectory(In(NodesName), AtomicFile.SecretDirectory);
            AtomicFile.Write(NodeFile(node.Name), JsonSerializer.SerializeToUtf8Bytes(node, PkiJson.Default.NodeRecord), AtomicFile.Secret);
        });
    }

    /// <summary>Takes down one more use of a token. Only with the lock.</summary>
    public void Spend(string token, TokenUse use) => Written.Do(() => Tokens.Spend(token, use));

    /// <summary>What became of the last try to take something down.</summary>
    public LastWrite Written { get; } = new();

    /// <summary>All junctions that have a name here, in the order of their names.</summary>
    public IEnumerable<NodeRecord> Nodes() => !Directory.Exists(In(NodesName)) ? [] :
        Directory.EnumerateFiles(In(NodesName), "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Where(NodeName.IsName)
            .Order(StringComparer.Ordinal).Select(ReadNode).OfType<NodeRecord>();

    /// <summary>Issues a certificate of a name for a key, and takes it down. Only with the lock.</summary>
    public X509Certificate2 Issue(NodeRecord node, PublicKey key, TimeSpan lifetime)
    {
        var now = _time.GetUtcNow();
        var issued = Ca.Issue(node.Name, key, now, lifetime);
        WriteNode(node with { Key = Connections.PeerIdentity.KeyOf(key), Serial = issued.SerialNumber, Issued = now, Expires = issued.NotAfter });
        return issued;
    }

    /// <summary>The deny list; null when nobody has been revoked yet.</summary>
    /// <exception cref="IOException">The file cannot be read, or was not signed by this authority.</exception>
    public SignedDenyList? ReadDenyList()
    {
        if (!File.Exists(DenyListFile))
            return null;
        return SignedDenyList.Read(File.ReadAllText(DenyListFile), [Ca.Certificate], out var wrong)
            ?? throw new IOException($"{DenyListFile} cannot be used: {wrong}");
    }

    /// <summary>Puts entries on the deny list, or takes them off. Only with the lock.</summary>
    public SignedDenyList ChangeDenyList(Func<IReadOnlyList<DenyEntry>, IEnumerable<DenyEntry>> change)
    {
        var now = _time.GetUtcNow();
        var old = ReadDenyList();
        // The clock as well as the count: a directory that came back from a backup must not give a number twice.
        var number = Math.Max((old?.Number ?? 0) + 1, (ulong)now.ToUnixTimeSeconds());
        var list = SignedDenyList.Sign(Ca, number, [.. change(old?.Entries ?? [])], now);
        if (list.Text.Length > SignedDenyList.LongestBytes)
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"the deny list would be longer than {SignedDenyList.LongestBytes} bytes: take off what has expired, or use a pattern"));
        AtomicFile.Write(DenyListFile, list.Text + "\n", AtomicFile.Public);
        return list;
    }

    public void Dispose()
    {
        Ca.Dispose();
        _mine.Dispose();
    }

    private string In(string name) => Path.Combine(Root, name);

    private string NodeFile(string name) => NodeName.IsName(name)
        ? Path.Combine(Root, NodesName, $"{name}.json") : throw new ArgumentException($"'{name}' is no name", nameof(name));

    private static T? Parse<T>(byte[] json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void RefuseLoose(string root)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(root) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
            throw new IOException($"{root} can be changed by others: chmod 700 {root}");
    }

    private sealed class Held(SemaphoreSlim mine, FileStream file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            mine.Release();
        }
    }
}
