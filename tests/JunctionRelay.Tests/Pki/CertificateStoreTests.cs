using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;
using News = JunctionRelay.Pki.CertificateStore.News;

namespace JunctionRelay.Tests.Pki;

/// <summary>PEM files that change: what is right in them is taken, what is broken or half replaced leaves everything as it was.</summary>
public sealed class CertificateStoreTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly ManualTime _time = new();
    private readonly TestAuthority _authority = new();
    private readonly CertificateStore _store;
    private int _replaced;

    public CertificateStoreTests()
    {
        Put(Issue());
        _folder.Write("ca.crt", _authority.Ca.Certificate.ExportCertificatePem());
        _store = new CertificateStore(_folder["junction.crt"], _folder["junction.key"], _folder["ca.crt"], _time);
        _store.Credentials.Replaced += () => _replaced++;
    }

    public void Dispose()
    {
        _folder.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public void What_has_not_changed_is_not_read_again()
    {
        var before = _store.Credentials.Now;
        File.SetLastWriteTimeUtc(_folder["junction.crt"], DateTime.UnixEpoch);
        Assert.Equal((News.None, ""), _store.Look());
        Assert.Same(before, _store.Credentials.Now);
    }

    [Fact]
    public void A_renewed_certificate_is_used()
    {
        var next = Issue();
        Put(next);
        var (news, detail) = _store.Look();
        Assert.Equal(News.Replaced, news);
        Assert.Contains($"hq, serial {next.SerialNumber}", detail, StringComparison.Ordinal);
        Assert.Equal((next.SerialNumber, 1), (Serial, _replaced));
        Assert.Equal(News.None, _store.Look().News);
    }

    [Fact]
    public void A_directory_whose_symbolic_link_is_switched_is_followed()
    {
        // As Kubernetes mounts a Secret: each file leads to ..data/FILE, and ..data to the newest directory.
        var mount = Directory.CreateDirectory(_folder["secret"]).FullName;
        Publish("..1", Issue());
        foreach (var file in new[] { "junction.crt", "junction.key" })
            File.CreateSymbolicLink(Path.Combine(mount, file), $"..data/{file}");
        var store = new CertificateStore(Path.Combine(mount, "junction.crt"), Path.Combine(mount, "junction.key"), _folder["ca.crt"], _time);
        Assert.Equal(News.None, store.Look().News);

        var next = Issue();
        Publish("..2", next);
        Directory.Delete(Path.Combine(mount, "..1"), recursive: true);
        Assert.Equal(News.Replaced, store.Look().News);
        Assert.Equal(next.SerialNumber, store.Credentials.Now.Identity!.Certificate.SerialNumber);

        void Publish(string name, X509Certificate2 certificate)
        {
            Directory.CreateDirectory(Path.Combine(mount, name));
            _folder.Write($"secret/{name}/junction.crt", certificate.ExportCertificatePem());
            _folder.Write($"secret/{name}/junction.key", KeyPem(certificate));
            File.Delete(Path.Combine(mount, "..data"));
            File.CreateSymbolicLink(Path.Combine(mount, "..data"), name);
        }
    }

    [Fact]
    public void A_changed_trust_is_used_with_the_same_certificate()
    {
        using var other = new TestAuthority("other.internal");
        _folder.Write("ca.crt", _authority.Ca.Certificate.ExportCertificatePem() + "\n" + other.Ca.Certificate.ExportCertificatePem());
        var before = Serial;
        Assert.Equal(News.Replaced, _store.Look().News);
        Assert.Equal((2, before), (_store.Credentials.Now.Trust!.Count, Serial));
    }

    [Fact]
    public void A_half_replaced_pair_keeps_the_old_one_until_the_other_half_comes()
    {
        var before = _store.Credentials.Now;
        var next = Issue();
        _folder.Write("junction.key", KeyPem(next));
        Assert.Equal(News.None, _store.Look().News);   // the other half may be on its way
        Assert.Same(before, _store.Credentials.Now);
        _folder.Write("junction.crt", next.ExportCertificatePem());
        Assert.Equal(News.Replaced, _store.Look().News);
        Assert.Equal(next.SerialNumber, Serial);
    }

    public static TheoryData<string, string> Broken => new()
    {
        { "does not fit", "junction.crt" },
        { "cut off", "junction.crt" },
        { "empty", "junction.crt" },
        { "gone", "junction.crt" },
        { "loose key", "chmod 600" },
        { "empty trust", "ca.crt" },
        { "no key", "junction.crt" },
        { "run out", "ran out" },
    };

    [Theory, MemberData(nameof(Broken))]
    public void What_is_broken_changes_nothing_and_is_said_once(string what, string words)
    {
        var before = _store.Credentials.Now;
        Break(what);
        Assert.Equal(News.None, _store.Look().News);
        var (news, detail) = _store.Look();
        Assert.Equal(News.Broken, news);
        Assert.Contains(words, detail, StringComparison.Ordinal);
        for (var i = 0; i < 5; i++)
            Assert.Equal(News.None, _store.Look().News);
        Assert.Same(before, _store.Credentials.Now);

        // Mended, it is used; broken again, it is said again.
        var next = Issue();
        Put(next);
        _folder.Write("ca.crt", _authority.Ca.Certificate.ExportCertificatePem());
        Assert.Equal(News.Replaced, _store.Look().News);
        Assert.Equal(next.SerialNumber, Serial);
        Break(what);
        _store.Look();
        Assert.Equal(News.Broken, _store.Look().News);
    }

    [Fact]
    public void A_certificate_that_has_run_out_is_better_than_none_when_ours_has_as_well()
    {
        _time.Advance(TimeSpan.FromDays(3));
        Put(_authority.Issue("hq", _time.GetUtcNow().AddDays(-2), TimeSpan.FromHours(24)));
        Assert.Equal(News.Replaced, _store.Look().News);
    }

    [Fact]
    public void A_link_that_is_switched_is_seen_though_no_file_changed()
    {
        // As Kubernetes mounts secrets: the files are links through a directory that is itself a link.
        foreach (var version in new[] { "v1", "v2" })
        {
            Directory.CreateDirectory(_folder[version]);
            var certificate = Issue();
            _folder.Write($"{version}/junction.crt", certificate.ExportCertificatePem());
            _folder.Write($"{version}/junction.key", KeyPem(certificate));
        }

        File.CreateSymbolicLink(_folder["data"], "v1");
        Directory.CreateDirectory(_folder["mount"]);
        foreach (var name in new[] { "junction.crt", "junction.key" })
            File.CreateSymbolicLink(_folder[$"mount/{name}"], $"../data/{name}");
        var store = new CertificateStore(_folder["mount/junction.crt"], _folder["mount/junction.key"], _folder["ca.crt"], _time);
        Assert.Equal(News.None, store.Look().News);
        File.Delete(_folder["data"]);
        File.CreateSymbolicLink(_folder["data"], "v2");
        Assert.Equal(News.Replaced, store.Look().News);
    }

    [Fact]
    public async Task The_watch_looks_every_second_and_tells_what_it_saw()
    {
        var log = new TestLog();
        using var stop = new CancellationTokenSource();
        var watching = new CertificateWatch(() => [_store], _time, log).RunAsync(stop.Token);
        Put(Issue());
        await Advance(() => log.Entries.Any(e => e.Name == "certificate-replaced"));
        Break("does not fit");
        await Advance(() => log.Entries.Any(e => e.Name == "certificate-kept"));
        Assert.DoesNotContain(log.Entries, e => e.Message.Contains("PRIVATE", StringComparison.Ordinal));
        await stop.CancelAsync();
        await watching;

        Task Advance(Func<bool> until) => Eventually.TrueAsync(
            () =>
            {
                if (!until()) _time.Advance(CertificateWatch.Interval);
                return until();
            },
            () => "the watch sees nothing");
    }

    private string Serial => _store.Credentials.Now.Identity!.Certificate.SerialNumber;

    // By the clock of the test, in which the certificate must be valid, and by that of the authority's certificate.
    private X509Certificate2 Issue() => _authority.Issue("hq", _time.GetUtcNow(), TimeSpan.FromHours(48));

    private static string KeyPem(X509Certificate2 certificate) => certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();

    private void Put(X509Certificate2 certificate)
    {
        _folder.Write("junction.crt", certificate.ExportCertificatePem());
        _folder.Write("junction.key", KeyPem(certificate));
    }

    private void Break(string what)
    {
        switch (what)
        {
            case "does not fit": _folder.Write("junction.crt", Issue().ExportCertificatePem()); break;
            case "cut off": _folder.Write("junction.crt", Issue().ExportCertificatePem()[..200]); break;
            case "empty": _folder.Write("junction.crt", ""); break;
            case "gone": File.Delete(_folder["junction.crt"]); break;
            case "loose key":
                Put(Issue());
                File.SetUnixFileMode(_folder["junction.key"], UnixFileMode.UserRead | UnixFileMode.OtherRead);
                break;
            case "empty trust": _folder.Write("ca.crt", "\n"); break;
            case "no key": _folder.Write("junction.key", _folder.Root); break;
            default: Put(_authority.Issue("hq", _time.GetUtcNow().AddDays(-9), TimeSpan.FromHours(24))); break;
        }
    }
}
