using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>When a certificate is renewed, and what happens when it cannot be. The authority lives in the same junction, so that the clock is the test's alone.</summary>
public sealed class CertificateRenewerTests : IAsyncDisposable
{
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);

    private readonly TestFolder _folder = new();
    private readonly ManualTime _time = new();
    private readonly TestLog _log = new();
    private readonly PkiDirectory _pki;
    private readonly IdentityDirectory _identity;
    private readonly CertificateStore _store;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public CertificateRenewerTests()
    {
        _pki = PkiDirectory.Init(_folder["pki"], "junction.internal", "hq", TimeSpan.FromDays(3650), _time);
        _identity = new IdentityDirectory(_folder["hq"]);
        using var key = _identity.KeepKey();
        using var issued = _pki.Issue(new NodeRecord { Name = "hq", Key = "", Serial = "" }, new PublicKey(key), Day);
        _identity.Write(issued.ExportCertificatePem(), _pki.TrustPem);
        _store = new CertificateStore(_identity.CertificateFile, _identity.KeyFile, _identity.TrustFile, _time);
        var office = new EnrolmentOffice(_pki, new EnrolmentRules(Day, 3), _time);
        _running = new CertificateRenewer(
            _identity, _store.Credentials, new EnrolmentRecord("hq", null), null, _ => [], office, () => _store.Look(), _time, _log).RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(Eventually.Deadline);
        _stop.Dispose();
        _pki.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_certificate_is_renewed_at_two_thirds_of_its_life_give_or_take_a_twentieth()
    {
        for (var round = 0; round < 5; round++)
        {
            var before = Certificate;
            var life = before.NotAfter - before.NotBefore;
            await PassAsync(before.NotBefore.ToUniversalTime() + life * 0.60 - _time.GetUtcNow());
            Assert.Equal(before.SerialNumber, Certificate.SerialNumber);
            await PassAsync(life * 0.13, () => Certificate.SerialNumber != before.SerialNumber);
            Assert.NotEqual(before.SerialNumber, Certificate.SerialNumber);
            Assert.Equal(before.PublicKey.ExportSubjectPublicKeyInfo(), Certificate.PublicKey.ExportSubjectPublicKeyInfo());
        }

        Assert.Equal(5, _log.Entries.Count(e => e.Name == "renewed-here"));
        Assert.Equal(5, _pki.ReadNode("hq")!.Renewals);
    }

    [Fact]
    public async Task A_renewal_that_fails_is_tried_again_and_again_and_comes_to_its_end()
    {
        var before = Certificate;
        await ChangeDenyListAsync([new DenyEntry { Name = "hq" }]);
        await PassAsync(TimeSpan.FromHours(18), () => _log.Entries.Count(e => e.Name == "renewal-failed") >= 5);
        Assert.InRange(_log.Entries.Count(e => e.Name == "renewal-failed"), 5, 20);
        Assert.Contains("revoked", _log.Entries.First(e => e.Name == "renewal-failed").Message, StringComparison.Ordinal);
        Assert.Equal(before.SerialNumber, Certificate.SerialNumber);

        await ChangeDenyListAsync([]);
        await PassAsync(TimeSpan.FromMinutes(30), () => Certificate.SerialNumber != before.SerialNumber);
        Assert.NotEqual(before.SerialNumber, Certificate.SerialNumber);
    }

    [Fact]
    public async Task A_certificate_that_ran_out_meanwhile_comes_back_by_its_key()
    {
        var before = Certificate;
        // The machine slept for two days: no timer fired meanwhile.
        _time.Advance(TimeSpan.FromHours(0.5));
        await ChangeDenyListAsync([new DenyEntry { Name = "hq" }]);
        await PassAsync(TimeSpan.FromHours(25), () => false);
        // Without a certificate nothing gets through: however often it failed before, it is tried every half minute.
        await Eventually.TrueAsync(() => _log.Entries.Any(e => e.Name == "renewal-failed" && (DateTimeOffset)e.Fields["until"]! < _time.GetUtcNow()), () => "no try since it ran out");
        Assert.InRange((long)_log.Entries.Last(e => e.Name == "renewal-failed").Fields["seconds"]!, 1, 30);
        await ChangeDenyListAsync([]);
        _time.Advance(TimeSpan.FromSeconds(31));
        await Eventually.TrueAsync(() => Certificate.SerialNumber != before.SerialNumber, () => "it did not come back");
        Assert.Single(_pki.ReadNode("hq")!.Rejoins);
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_written_is_used_all_the_same_and_written_once_it_can_be()
    {
        // A directory in its place, which stops root as well.
        File.Delete(_identity.CertificateFile);
        Directory.CreateDirectory(Path.Combine(_identity.CertificateFile, "in the way"));
        var before = Certificate.SerialNumber;
        await PassAsync(TimeSpan.FromHours(18), () => Certificate.SerialNumber != before);
        await Eventually.TrueAsync(() => _log.Entries.Any(e => e.Name == "certificate-not-written"), () => "it is not said that it is not written");
        Assert.NotEqual(before, Certificate.SerialNumber);
        Assert.NotNull(_identity.Written.Failing);
        Assert.Empty(Directory.GetFiles(_identity.Root, ".*"));
        Directory.Delete(_identity.CertificateFile, recursive: true);
        _time.Advance(TimeSpan.FromSeconds(6));
        await Eventually.TrueAsync(() => _log.Entries.Any(e => e.Name == "certificate-written") && _identity.Written.Failing is null, () => "it is not written");
        Assert.Null(_identity.Written.Failing);
        using var written = _identity.ReadCertificate();
        Assert.Equal(Certificate.SerialNumber, written!.SerialNumber);
        Assert.DoesNotContain(_log.Entries, e => e.Name == "renewal-failed");
    }

    [Fact]
    public async Task A_certificate_that_somebody_put_there_meanwhile_is_not_overwritten()
    {
        var before = Certificate.SerialNumber;
        File.Delete(_identity.CertificateFile);
        Directory.CreateDirectory(Path.Combine(_identity.CertificateFile, "in the way"));
        await PassAsync(TimeSpan.FromHours(18), () => Certificate.SerialNumber != before);
        await Eventually.TrueAsync(() => _log.Entries.Any(e => e.Name == "certificate-not-written"), () => "it is not said that it is not written");
        Directory.Delete(_identity.CertificateFile, recursive: true);
        using var key = _identity.ReadKey();
        using var another = _pki.Ca.Issue("hq", new PublicKey(key), _time.GetUtcNow(), Day);
        File.WriteAllText(_identity.CertificateFile, another.ExportCertificatePem());
        Assert.Equal(CertificateStore.News.Replaced, _store.Look().News);
        await PassAsync(TimeSpan.FromHours(1), () => false);
        Assert.Equal(another.SerialNumber, Certificate.SerialNumber);
        using var there = _identity.ReadCertificate();
        Assert.Equal(another.SerialNumber, there!.SerialNumber);
    }

    [Fact]
    public async Task By_a_clock_that_runs_ahead_the_authority_is_not_asked_every_moment()
    {
        var ahead = new ManualTime();
        ahead.Advance(TimeSpan.FromHours(20));
        var store = new CertificateStore(_identity.CertificateFile, _identity.KeyFile, _identity.TrustFile, ahead);
        using var stop = new CancellationTokenSource();
        var running = new CertificateRenewer(
            _identity, store.Credentials, new EnrolmentRecord("hq", null), null, _ => [], new EnrolmentOffice(_pki, new EnrolmentRules(Day, 3), _time), () => store.Look(), ahead, _log).RunAsync(stop.Token);
        for (var passed = TimeSpan.Zero; passed < TimeSpan.FromHours(1); passed += TimeSpan.FromSeconds(10))
        {
            ahead.Advance(TimeSpan.FromSeconds(10));
            await Task.Delay(1);
        }

        await stop.CancelAsync();
        await running.WaitAsync(Eventually.Deadline);
        Assert.InRange(_pki.ReadNode("hq")!.Renewals, 2, 30);
        Assert.Contains("is the clock right?", _log.Entries.First(e => e.Name == "renewal-failed").Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("another key", "for another key")]
    [InlineData("another name", "is for \"cloud\", not \"hq\"")]
    [InlineData("another authority", "not valid here")]
    [InlineData("run out", "is the clock right?")]
    [InlineData("garbage", "cannot be read")]
    public void An_answer_is_used_only_when_it_is_for_us_and_by_whom_we_trust(string which, string words)
    {
        using var key = _identity.ReadKey();
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = JunctionCa.Create("junction.internal", _time.GetUtcNow(), Day).Ca;
        using var issued = (which == "another authority" ? stranger : _pki.Ca).Issue(
            which == "another name" ? "cloud" : "hq", new PublicKey(which == "another key" ? other : key), _time.GetUtcNow().AddDays(which == "run out" ? -2 : 0), Day);
        var pem = which == "garbage" ? "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" : issued.ExportCertificatePem();
        Assert.Contains(words, EnrolmentClient.Objection(pem, key, "hq", [_pki.Ca.Certificate], _time.GetUtcNow()), StringComparison.Ordinal);
    }

    private X509Certificate2 Certificate => _store.Credentials.Now.Identity!.Certificate;

    private async Task ChangeDenyListAsync(IEnumerable<DenyEntry> entries)
    {
        using (await _pki.LockAsync(CancellationToken.None))
            _pki.ChangeDenyList(_ => entries);
    }

    // In steps that a timer of the renewer notices, with time for what it then does.
    private async Task PassAsync(TimeSpan time, Func<bool>? until = null)
    {
        var step = TimeSpan.FromMinutes(10);
        for (; time > TimeSpan.Zero && until?.Invoke() != true; time -= step)
        {
            _time.Advance(time < step ? time : step);
            if (until is not null)
                await Task.Delay(1);
        }
    }
}
