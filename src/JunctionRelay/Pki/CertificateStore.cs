using System.Security.Cryptography;
using System.Text;
using JunctionRelay.Connections;
using JunctionRelay.Files;

namespace JunctionRelay.Pki;

/// <summary>
/// One set of PEM files, and what was last right in them. Looks at what the files hold, not at when they were changed: links that are switched (Kubernetes) and
/// times that are kept (tar, rsync) are seen as well. What is broken or half replaced changes nothing.
/// </summary>
internal sealed class CertificateStore
{
    private readonly string? _certificateFile;
    private readonly string? _keyFile;
    private readonly string? _trustFile;
    private readonly TimeProvider _time;
    private byte[] _seen;       // hash of what the files held
    private byte[]? _broken;    // … when that was of no use
    private bool _saidSo;

    /// <param name="certificateFile">Leaf first, intermediates after it; null for no identity.</param>
    /// <param name="keyFile">Its private key; may be the same file.</param>
    /// <param name="trustFile">Authorities; null for the system's.</param>
    /// <exception cref="IOException">A file is missing or unreadable, or the key's mode is loose.</exception>
    /// <exception cref="CryptographicException">A file does not hold what it should.</exception>
    public CertificateStore(string? certificateFile, string? keyFile, string? trustFile, TimeProvider time)
    {
        (_certificateFile, _keyFile, _trustFile, _time) = (certificateFile, keyFile, trustFile, time);
        // In this order: what changes in between is seen at the first look.
        _seen = Fingerprint();
        var state = Load();
        Credentials = new TlsCredentials(state.Identity, state.Trust);
    }

    /// <summary>What handshakes use.</summary>
    public TlsCredentials Credentials { get; }

    /// <summary>The certificate's file, or the trust's where there is no certificate.</summary>
    public string Name => _certificateFile ?? _trustFile ?? "-";

    /// <summary>
    /// Looks at the files. <see cref="News.Replaced"/> when they hold something new and right; <see cref="News.Broken"/>, once for each state, when they hold
    /// something of no use and still did at the look before, so that two files need not be replaced in the same instant.
    /// </summary>
    public (News News, string Detail) Look()
    {
        try
        {
            var seen = Fingerprint();
            if (seen.AsSpan().SequenceEqual(_seen))
            {
                _broken = null;
                return (News.None, "");
            }

            var state = Load();
            if (Expired(state) is { } expired)
                return Broken(seen, expired);
            (_seen, _broken) = (seen, null);
            Credentials.Replace(state);
            return (News.Replaced, state.Identity is { } identity
                ? $"{PeerIdentity.Label(identity.Certificate, identity.Domain)}, serial {identity.Certificate.SerialNumber}, valid until {identity.Certificate.NotAfter.ToUniversalTime():u}"
                : $"{state.Trust!.Count} authorities");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            return Broken(SHA256.HashData(Encoding.UTF8.GetBytes(e.Message)), e.Message);
        }
    }

    public enum News
    {
        None,
        Replaced,
        Broken,
    }

    private (News, string) Broken(byte[] state, string why)
    {
        if (_broken is null || !_broken.AsSpan().SequenceEqual(state))
            (_broken, _saidSo) = (state, false);
        else if (!_saidSo)
        {
            _saidSo = true;
            return (News.Broken, why);
        }

        return (News.None, "");
    }

    // A file that an old copy was put over is as broken as any other, while what we hold is still good.
    private string? Expired(TlsCredentials.State next)
    {
        var now = _time.GetUtcNow();
        return next.Identity?.Certificate is { } certificate && certificate.NotAfter < now && Credentials.Now.Identity?.Certificate.NotAfter > now
            ? $"{_certificateFile} holds a certificate that ran out at {certificate.NotAfter.ToUniversalTime():u}" : null;
    }

    private TlsCredentials.State Load()
    {
        var certificate = _certificateFile is null ? null : File.ReadAllText(_certificateFile);
        var key = _keyFile is null || certificate is null ? null : SecretFile.ReadText(_keyFile);
        var trust = _trustFile is null ? null : File.ReadAllText(_trustFile);
        return new TlsCredentials.State(
            certificate is null ? null : Named(_certificateFile!, () => TlsIdentity.FromPem(certificate, key!)),
            trust is null ? null : Named(_trustFile!, () => TlsSettings.TrustFromPem(trust)));
    }

    // Done every second: the key must not become a string each time.
    private byte[] Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[4096];
        foreach (var path in new[] { _certificateFile, _keyFile, _trustFile })
        {
            if (path is null)
                continue;
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            for (int length; (length = file.Read(buffer)) > 0;)
                hash.AppendData(buffer, 0, length);
            hash.AppendData([0]);
        }

        CryptographicOperations.ZeroMemory(buffer);
        return hash.GetHashAndReset();
    }

    // The framework's messages name no file.
    private static T Named<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new CryptographicException($"{file}: {e.Message}", e);
        }
    }
}
