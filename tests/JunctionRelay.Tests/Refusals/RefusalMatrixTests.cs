using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Refusals;

/// <summary>
/// Everything that may be wrong with somebody, on every way in: refused, in the client's own protocol, named in the log and in a metric, and the target counts no connection.
/// The ways over links are tried through all three entrances of the other junction.
/// </summary>
public sealed class RefusalMatrixTests
{
    private static readonly string[] Ways = ["tls listener", "link", "reverse link", "chain", "plain relay", "unix socket", "behind a balancer", "socks5", "http CONNECT", "reverse listener"];

    private static readonly string[] Offences =
    [
        "no certificate", "other CA", "expired", "not yet valid", "revoked", "revoked before the peer", "wrong usage", "CA used as leaf", "name not allowed", "service not allowed", "paused", "outside range",
        "hook denies", "hook hangs", "hook crashes", "worker denies", "worker hangs", "worker crashes",
    ];

    /// <summary>Who is refused before any stream: the log of links has it, and their metrics. What the others say stands in the line of their connection.</summary>
    private static readonly string[] LinkEvents = ["link-stranger-refused", "link-refused", "link-dial-failed"];

    /// <summary>Way, offence, event of the log, series of the metrics, and words for people.</summary>
    public static TheoryData<string, string, string, string, string> Cells { get; } = new()
    {
        { "tls listener", "no certificate", "connection-ended", "in certificate-missing", "it sent no certificate" },
        { "tls listener", "other CA", "connection-ended", "in certificate-untrusted", "Other CA" },
        { "tls listener", "expired", "connection-ended", "in certificate-expired", "renew it, or set the clock" },
        { "tls listener", "not yet valid", "connection-ended", "in certificate-expired", "renew it, or set the clock" },
        { "tls listener", "revoked", "connection-ended", "in certificate-revoked", "\"cloud\" is revoked" },
        { "tls listener", "wrong usage", "connection-ended", "in certificate-untrusted", "extended key usage" },
        { "tls listener", "CA used as leaf", "connection-ended", "in certificate-untrusted", "an authority's own" },
        { "tls listener", "name not allowed", "connection-ended", "in tls.allowNames", "\"stranger\" is none of node-*" },
        { "tls listener", "outside range", "connection-refused", "in address-not-allowed", "127.0.0.1" },
        { "tls listener", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "tls listener", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "tls listener", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "tls listener", "worker denies", "connection-ended", "in auth", "not today" },
        { "tls listener", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "tls listener", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },

        { "link", "no certificate", "link-stranger-refused", "linkListen certificate-missing", "it sent no certificate" },
        { "link", "other CA", "link-stranger-refused", "linkListen certificate-untrusted", "Other CA" },
        { "link", "expired", "link-stranger-refused", "linkListen certificate-expired", "renew it, or set the clock" },
        { "link", "not yet valid", "link-stranger-refused", "linkListen certificate-expired", "renew it, or set the clock" },
        { "link", "revoked", "link-stranger-refused", "linkListen certificate-revoked", "\"cloud\" is revoked" },
        { "link", "wrong usage", "link-stranger-refused", "linkListen certificate-untrusted", "extended key usage" },
        { "link", "CA used as leaf", "link-stranger-refused", "linkListen certificate-untrusted", "an authority's own" },
        { "link", "name not allowed", "link-refused", "linkListen peers", "no entry of peers is about \"stranger\"" },
        { "link", "service not allowed", "connection-ended", "peers peers.cloud", "\"cloud\" may not use the service \"svc\"" },
        { "link", "paused", "connection-ended", "service/svc paused", "the service \"svc\" is paused" },
        { "link", "outside range", "link-refused", "linkListen peers", "no entry of peers is about \"cloud\" at 127.0.0.1" },
        { "link", "hook denies", "connection-ended", "service/svc auth", "hook ended with 1" },
        { "link", "hook hangs", "connection-ended", "service/svc auth", "did not end within 0.3 s" },
        { "link", "hook crashes", "connection-ended", "service/svc auth", "hook ended with 137" },
        { "link", "worker denies", "connection-ended", "service/svc auth", "not today" },
        { "link", "worker hangs", "connection-ended", "service/svc auth", "did not answer within 0.3 s" },
        { "link", "worker crashes", "connection-ended", "service/svc auth", "ended instead of answering" },

        { "reverse link", "other CA", "link-dial-failed", "link://cloud dial-certificate-rejected", "Other CA" },
        { "reverse link", "expired", "link-dial-failed", "link://cloud dial-certificate-rejected", "renew it, or set the clock" },
        { "reverse link", "not yet valid", "link-dial-failed", "link://cloud dial-certificate-rejected", "renew it, or set the clock" },
        { "reverse link", "revoked", "link-dial-failed", "link://cloud dial-certificate-rejected", "\"cloud\" is revoked" },
        { "reverse link", "wrong usage", "link-dial-failed", "link://cloud dial-certificate-rejected", "extended key usage" },
        { "reverse link", "CA used as leaf", "link-dial-failed", "link://cloud dial-certificate-rejected", "an authority's own" },
        { "reverse link", "name not allowed", "link-dial-failed", "link://cloud dial-certificate-rejected", "is not for the name \"cloud\" but for stranger" },
        { "reverse link", "service not allowed", "connection-ended", "peers peers.cloud", "\"cloud\" may not use the service \"svc\"" },
        { "reverse link", "paused", "connection-ended", "service/svc paused", "the service \"svc\" is paused" },
        { "reverse link", "outside range", "connection-ended", "peers peers", "no entry of peers is about \"cloud\" at 127.0.0.1" },
        { "reverse link", "hook denies", "connection-ended", "service/svc auth", "hook ended with 1" },
        { "reverse link", "hook hangs", "connection-ended", "service/svc auth", "did not end within 0.3 s" },
        { "reverse link", "hook crashes", "connection-ended", "service/svc auth", "hook ended with 137" },
        { "reverse link", "worker denies", "connection-ended", "service/svc auth", "not today" },
        { "reverse link", "worker hangs", "connection-ended", "service/svc auth", "did not answer within 0.3 s" },
        { "reverse link", "worker crashes", "connection-ended", "service/svc auth", "ended instead of answering" },

        { "chain", "no certificate", "link-stranger-refused", "linkListen certificate-missing", "it sent no certificate" },
        { "chain", "other CA", "link-stranger-refused", "linkListen certificate-untrusted", "Other CA" },
        { "chain", "expired", "link-stranger-refused", "linkListen certificate-expired", "renew it, or set the clock" },
        { "chain", "not yet valid", "link-stranger-refused", "linkListen certificate-expired", "renew it, or set the clock" },
        { "chain", "revoked", "link-stranger-refused", "linkListen certificate-revoked", "\"cloud\" is revoked" },
        { "chain", "revoked before the peer", "connection-ended", "peers revoked", "it came through \"cloud\", which is revoked" },
        { "chain", "wrong usage", "link-stranger-refused", "linkListen certificate-untrusted", "extended key usage" },
        { "chain", "CA used as leaf", "link-stranger-refused", "linkListen certificate-untrusted", "an authority's own" },
        { "chain", "name not allowed", "link-refused", "linkListen peers", "no entry of peers is about \"stranger\"" },
        { "chain", "service not allowed", "connection-ended", "peers peers.dmz", "\"dmz\" may not use the service \"svc\"" },
        { "chain", "paused", "connection-ended", "service/svc paused", "the service \"svc\" is paused" },
        { "chain", "outside range", "link-refused", "linkListen peers", "no entry of peers is about \"cloud\" at 127.0.0.1" },
        { "chain", "hook denies", "connection-ended", "service/svc auth", "hook ended with 1" },
        { "chain", "hook hangs", "connection-ended", "service/svc auth", "did not end within 0.3 s" },
        { "chain", "hook crashes", "connection-ended", "service/svc auth", "hook ended with 137" },
        { "chain", "worker denies", "connection-ended", "service/svc auth", "not today" },
        { "chain", "worker hangs", "connection-ended", "service/svc auth", "did not answer within 0.3 s" },
        { "chain", "worker crashes", "connection-ended", "service/svc auth", "ended instead of answering" },

        { "plain relay", "outside range", "connection-refused", "in address-not-allowed", "127.0.0.1" },
        { "plain relay", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "plain relay", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "plain relay", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "plain relay", "worker denies", "connection-ended", "in auth", "not today" },
        { "plain relay", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "plain relay", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },

        { "unix socket", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "unix socket", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "unix socket", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "unix socket", "worker denies", "connection-ended", "in auth", "not today" },
        { "unix socket", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "unix socket", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },

        { "reverse listener", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "reverse listener", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "reverse listener", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "reverse listener", "worker denies", "connection-ended", "in auth", "not today" },
        { "reverse listener", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "reverse listener", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },

        { "behind a balancer", "outside range", "connection-ended", "in address-not-allowed", "192.0.2.9" },
        { "behind a balancer", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "behind a balancer", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "behind a balancer", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "behind a balancer", "worker denies", "connection-ended", "in auth", "not today" },
        { "behind a balancer", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "behind a balancer", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },

        { "socks5", "name not allowed", "connection-ended", "in credentials-rejected", "cloud" },
        { "socks5", "service not allowed", "connection-ended", "in open", "127.0.0.1" },
        { "socks5", "outside range", "connection-refused", "in address-not-allowed", "127.0.0.1" },
        { "socks5", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "socks5", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "socks5", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "socks5", "worker denies", "connection-ended", "in auth", "not today" },
        { "socks5", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "socks5", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },

        { "http CONNECT", "name not allowed", "connection-ended", "in credentials-rejected", "no user" },
        { "http CONNECT", "service not allowed", "connection-ended", "in open", "127.0.0.1" },
        { "http CONNECT", "outside range", "connection-refused", "in address-not-allowed", "127.0.0.1" },
        { "http CONNECT", "hook denies", "connection-ended", "in auth", "hook ended with 1" },
        { "http CONNECT", "hook hangs", "connection-ended", "in auth", "did not end within 0.3 s" },
        { "http CONNECT", "hook crashes", "connection-ended", "in auth", "hook ended with 137" },
        { "http CONNECT", "worker denies", "connection-ended", "in auth", "not today" },
        { "http CONNECT", "worker hangs", "connection-ended", "in auth", "did not answer within 0.3 s" },
        { "http CONNECT", "worker crashes", "connection-ended", "in auth", "ended instead of answering" },
    };

    private const string OneTarget = "the file says where such a listener leads: its clients ask for no service";
    private const string OfServices = "a service is paused, for its peers; a relay is shut by `allow`, or by leaving it out";
    private const string NoTls = "it speaks no TLS, so that nobody shows a certificate; over links the other junction's certificate is judged";

    /// <summary>Cells that make no sense, and why.</summary>
    private static readonly Dictionary<(string Way, string Offence), string> Senseless = new()
    {
        [("tls listener", "service not allowed")] = OneTarget,
        [("tls listener", "paused")] = OfServices,
        [("reverse link", "no certificate")] = "there the offender is the TLS server, which cannot begin a handshake without a certificate",
        [("plain relay", "name not allowed")] = "a client without TLS or greeting has no name",
        [("plain relay", "service not allowed")] = OneTarget,
        [("plain relay", "paused")] = OfServices,
        [("unix socket", "name not allowed")] = "a client without TLS or greeting has no name",
        [("unix socket", "service not allowed")] = OneTarget,
        [("unix socket", "paused")] = OfServices,
        [("unix socket", "outside range")] = "it has no addresses: the mode of its file says who may open it (0660), and abstract ones are refused",
        [("reverse listener", "name not allowed")] = "a client without TLS or greeting has no name; whether a peer may have us listen is in peers.listen (LinkPolicyTests, LinkReloadTests)",
        [("reverse listener", "outside range")] = "its clients connect to the other junction: `allow` is refused in the file, and the address to listen on says who can connect",
        [("reverse listener", "service not allowed")] = OneTarget,
        [("reverse listener", "paused")] = OfServices,
        [("behind a balancer", "name not allowed")] = "a client without TLS or greeting has no name",
        [("behind a balancer", "service not allowed")] = OneTarget,
        [("behind a balancer", "paused")] = OfServices,
        [("socks5", "paused")] = OfServices,
        [("http CONNECT", "paused")] = OfServices,
    };

    private static string? WhySenseless(string way, string offence) => Senseless.GetValueOrDefault((way, offence))
        ?? (way is "plain relay" or "unix socket" or "reverse listener" or "behind a balancer" or "socks5" or "http CONNECT" && offence is "no certificate" or "other CA" or "expired" or "not yet valid" or "revoked" or "wrong usage" or "CA used as leaf" ? NoTls
        : way != "chain" && offence == "revoked before the peer" ? "there is nobody before the peer" : null);

    [Fact]
    public void Every_cell_is_tested_or_makes_no_sense()
    {
        var tested = Cells.Select(c => (c.Data.Item1, c.Data.Item2)).ToList();
        Assert.Equal(tested.Count, tested.Distinct().Count());
        var missing = from way in Ways
                      from offence in Offences
                      where tested.Contains((way, offence)) == (WhySenseless(way, offence) is not null)
                      select $"{way}: {offence}";
        Assert.Empty(missing);
    }

    [Theory, MemberData(nameof(Cells))]
    public async Task Refused_named_and_nothing_is_dialled(string way, string offence, string eventName, string series, string words)
    {
        await using var site = await RefusalSite.StartAsync(way, offence);
        var judge = site.Judge;
        var ofLink = LinkEvents.Contains(eventName);
        // Who is refused a link has been so before its clients come.
        if (ofLink) await NamedAsync();
        else await site.LinkedAsync();
        foreach (var entrance in site.Entrances) await site.KnockAsync(entrance);
        await NamedAsync();
        await Eventually.TrueAsync(() => judge.Counted(series) >= (ofLink ? 1 : site.Entrances.Count), () => $"{series} is {judge.Counted(series)}");
        site.AssertNothingWasDialled();

        Task<LogEntry> NamedAsync() => (ofLink ? judge.LinkLog : judge.Log).WaitAsync(eventName, e => e.Message.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tls listener")]
    [InlineData("link")]
    [InlineData("reverse link")]
    [InlineData("chain")]
    [InlineData("plain relay")]
    [InlineData("unix socket")]
    [InlineData("reverse listener")]
    [InlineData("behind a balancer")]
    [InlineData("socks5")]
    [InlineData("http CONNECT")]
    public async Task Nothing_wrong_gets_through(string way)
    {
        await using var site = await RefusalSite.StartAsync(way, "nothing");
        await site.LinkedAsync();
        foreach (var entrance in site.Entrances) await site.EnterAsync(entrance);
    }
}
