using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Files;
using JunctionRelay.Policies;

namespace JunctionRelay.Pki;

/// <summary>
/// The newest deny list of each authority that this junction trusts, and all of them as one. They come from the authority's own directory, from peers, and from the
/// file where they were kept while this junction was off. Thread-safe.
/// </summary>
internal sealed class DenyLists
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SignedDenyList> _lists = [];   // by authority; under _lock
    private volatile DenyList _now = DenyList.Empty;
    private volatile Func<IEnumerable<X509Certificate2>> _trust = () => [];
    private volatile string? _domain;
    private volatile string? _file;
    private string? _kept;   // the file's text when it was last read

    /// <summary>Who is refused.</summary>
    public DenyList Now => _now;

    /// <summary>A list has been replaced, or forgotten.</summary>
    public event Action? Changed;

    /// <summary>The lists as they are passed on.</summary>
    public IReadOnlyList<SignedDenyList> All
    {
        get
        {
            lock (_lock)
                return [.. _lists.Values];
        }
    }

    /// <summary>What a plan says of it.</summary>
    /// <param name="trust">Whose lists count, as of now.</param>
    /// <param name="file">Where they are kept, one in a line; null to forget them.</param>
    /// <param name="domain">Our own trust domain; null where we have none.</param>
    public void Follow(Func<IEnumerable<X509Certificate2>> trust, string? file, string? domain = null)
    {
        (_trust, _file, _domain) = (trust, file, domain);
        lock (_lock)
            Merge();
    }

    /// <summary>Forgets the lists of authorities that are trusted no more, so that they are neither in force nor passed on. True where there was one.</summary>
    public bool Prune()
    {
        lock (_lock)
        {
            if (_lists.Count == 0)
                return false;
            var trusted = _trust().Select(c => PeerIdentity.KeyOf(c.PublicKey)).ToHashSet();
            var gone = _lists.Keys.Where(a => !trusted.Contains(a)).ToList();
            if (gone.Count == 0)
                return false;
            gone.ForEach(a => _lists.Remove(a));
            Merge();
        }

        Changed?.Invoke();
        return true;
    }

    /// <summary>Takes a list that is newer than the one that is here. Null, and what is <paramref name="wrong"/> (nothing, when it is only older), for any other.</summary>
    public SignedDenyList? Offer(string text, out string? wrong)
    {
        if (SignedDenyList.Read(text, _trust(), out var flaw) is not { } list)
        {
            wrong = flaw;
            return null;
        }

        wrong = null;
        lock (_lock)
        {
            if (_lists.TryGetValue(list.Authority, out var known) && known.Number >= list.Number)
                return null;
            _lists[list.Authority] = list;
            Merge();
        }

        Changed?.Invoke();
        return list;
    }

    /// <summary>
    /// Reads what was kept, or was put there by somebody else since it was last read: where an identity is mounted (Kubernetes), that is how a list gets to a junction. What cannot
    /// be used is told as a problem, and left out. Not thread-safe.
    /// </summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public IEnumerable<string> ReadKept()
    {
        if (_file is not { } file || !File.Exists(file))
            yield break;
        var text = File.ReadAllText(file);
        if (text == _kept)
            yield break;
        _kept = text;
        foreach (var line in text.Split('\n').Where(l => l.Length > 0))
        {
            if (Offer(line, out var wrong) is null && wrong is not null)
                yield return $"{file}: {wrong}";
        }
    }

    // Under _lock.
    private void Merge() => _now = new DenyList([.. _lists.Values.Select(l => l.Denied)], _domain);

    /// <summary>Keeps the lists for the next start.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Keep()
    {
        if (_file is { } file)
            Written.Do(() => AtomicFile.Write(file, string.Concat(All.Select(l => l.Text + "\n")), AtomicFile.Public));
    }

    /// <summary>Where they are kept; null where they are not.</summary>
    public string? KeptIn => _file;

    /// <summary>What became of the last try to keep them.</summary>
    public LastWrite Written { get; } = new();
}
