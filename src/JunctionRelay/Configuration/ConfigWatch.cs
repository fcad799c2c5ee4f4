namespace JunctionRelay.Configuration;

/// <summary>Looks at the files of a configuration: at what they hold, not at when they were changed, so that links that are switched (Kubernetes) and times that are kept are seen as well.</summary>
/// <param name="file">The configuration file; null where there is none, and nothing to be seen.</param>
internal sealed class ConfigWatch(string? file)
{
    private byte[] _read = Fingerprint(file);
    private byte[]? _seen;

    /// <summary>They are about to be read: what changes from now on is news.</summary>
    public void Read() => _read = Fingerprint(file);

    /// <summary>True when they hold something else than was read, and held the same at the look before: nobody reads half a file.</summary>
    public bool Look()
    {
        var now = Fingerprint(file);
        var isSteady = now.AsSpan().SequenceEqual(_seen);
        _seen = now;
        return isSteady && !now.AsSpan().SequenceEqual(_read);
    }

    private static byte[] Fingerprint(string? file) => file is null ? [] : ConfigSources.Fingerprint(file);
}
