using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Pki;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>Who gets a certificate of which name, and what is spent for it.</summary>
public sealed class EnrolmentOfficeTests : IDisposable
{
    private static readonly IPAddress Somewhere = IPAddress.Parse("10.128.0.7");

    private readonly TestFolder _folder = new();
    private readonly ManualTime _time = new();
    private readonly PkiDirectory _pki;
    private readonly EnrolmentOffice _office;

    public EnrolmentOfficeTests()
    {
        _pki = PkiDirectory.Init(_folder["pki"], "junction.internal", "hq", TimeSpan.FromDays(3650), _time);
        _office = Office(_pki);
    }

    public void Dispose()
    {
        _pki.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("build-7", "laptop", "build-7")]           // a name without wildcards is that name, whatever is wished
    [InlineData("node-*", "node-12", "node-12")]
    [InlineData("node-*", "NODE-12.cluster.local", "node-12")]
    [InlineData("node-*", "cloud", "node-????????")]       // a wish that does not fit is none
    [InlineData("node-*", "node-1;rm", "node-????????")]
    [InlineData("node-*", null, "node-????????")]
    [InlineData("n??", null, "n??")]
    public async Task The_name_is_decided_by_the_token(string pattern, string? wish, string expected)
    {
        var joined = await JoinAsync(Token(pattern), Key(), wish);
        Assert.Matches($"^{expected.Replace("?", "[a-z0-9]", StringComparison.Ordinal)}$", joined.Node!.Name);
        Assert.Equal(joined.Node.Name, PeerIdentity.Of(joined.Certificate!, "junction.internal").Name);
    }

    [Fact]
    public async Task A_name_of_a_pattern_never_changes_hands()
    {
        var token = Token("node-*", uses: 3);
        var (mine, other) = (Key(), Key());
        Assert.Equal("node-07", (await JoinAsync(token, mine, "node-07")).Node!.Name);
        var second = await JoinAsync(token, other, "node-07");
        Assert.Matches("^node-07-[a-z0-9]{4}$", second.Node!.Name);
        Assert.Equal(PeerIdentity.KeyOf(new PublicKey(mine)), _pki.ReadNode("node-07")!.Key);
    }

    [Fact]
    public async Task A_token_for_one_name_moves_it_to_the_new_key()
    {
        var (old, fresh) = (Key(), Key());
        var before = await JoinAsync(Token("build-7"), old);
        Assert.Equal("build-7", (await JoinAsync(Token("build-7"), fresh)).Node!.Name);
        var renewal = await _office.RenewAsync(Who(before), new PublicKey(old), Somewhere, CancellationToken.None);
        Assert.Contains("not known here", renewal.Told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*", "hq")]
    [InlineData("h*", "hq")]
    public async Task No_pattern_gives_the_name_of_the_authoritys_own_junction(string pattern, string wish) =>
        Assert.NotEqual("hq", (await JoinAsync(Token(pattern), Key(), wish)).Node!.Name);

    [Fact]
    public async Task The_same_key_asks_again_and_takes_no_further_use()
    {
        var (token, key) = (Token("node-*"), Key());
        var first = await JoinAsync(token, key, "node-07");
        var again = await JoinAsync(token, key, "node-99");
        Assert.Equal(("node-07", "node-07"), (first.Node!.Name, again.Node!.Name));
        Assert.Contains("used up", (await JoinAsync(token, Key())).Told, StringComparison.Ordinal);
        Assert.Single(_pki.Tokens.Uses(token.Id));
    }

    public static TheoryData<string, string, string> Refusals => new()
    {
        { "garbage", "not valid at this junction", "no token" },
        { "nothing", "not valid at this junction", "no token" },
        { "other authority", "not valid at this junction", "not signed by this authority" },
        { "other junction", "not valid at this junction", "is for the junction elsewhere" },
        { "not recorded", "not valid at this junction", "is not known" },
        { "other secret", "not valid at this junction", "not signed" },
        { "forgotten secret", "not valid at this junction", "is not known" },
        { "expired", "ran out at", "ran out at" },
        { "revoked", "has been revoked", "has been revoked" },
        { "elsewhere", "may not be used from 10.128.0.7", "may not be used from 10.128.0.7" },
        { "used up", "has been used up", "has been used 1 times of 1" },
    };

    [Theory, MemberData(nameof(Refusals))]
    public async Task A_token_is_refused_with_a_plain_answer_and_the_reason_for_the_log(string which, string told, string reason)
    {
        var token = Token("node-*", from: which == "elsewhere" ? ["192.0.2.0/24", "fd00::/8"] : []);
        var text = token.Reveal();
        switch (which)
        {
            case "garbage": text = "jjt1_" + new string('A', 200); break;
            case "nothing": text = ""; break;
            case "other authority":
                using (var other = new TestAuthority())
                    text = JoinToken.Create(other.Ca, "hq", _time.GetUtcNow().AddHours(1)).Reveal();
                break;
            case "other junction": text = JoinToken.Create(_pki.Ca, "elsewhere", _time.GetUtcNow().AddHours(1)).Reveal(); break;
            case "not recorded": text = JoinToken.Create(_pki.Ca, "hq", _time.GetUtcNow().AddHours(1)).Reveal(); break;
            case "other secret": text = text[..20] + (text[20] == 'A' ? 'B' : 'A') + text[21..]; break;
            case "forgotten secret": _pki.Tokens.Write(_pki.Tokens.Read(token.Id)! with { Hash = new string('0', 64) }); break;
            case "expired": _time.Advance(TimeSpan.FromHours(2)); break;
            case "revoked": _pki.Tokens.Write(_pki.Tokens.Read(token.Id)! with { Revoked = _time.GetUtcNow() }); break;
            case "used up": await JoinAsync(token, Key()); break;
        }

        var refused = await _office.JoinAsync(text, new PublicKey(Key()), "node-1", Somewhere, CancellationToken.None);
        Assert.Null(refused.Certificate);
        Assert.Contains(told, refused.Told, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("jjt1_", refused.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.0.2.9", true)]
    [InlineData("::ffff:192.0.2.9", true)]
    [InlineData("fd00::1", true)]
    [InlineData("198.51.100.1", false)]
    public async Task Address_ranges_are_kept(string from, bool joins)
    {
        var token = Token("node-*", from: ["192.0.2.0/24", "fd00::/8"]);
        Assert.Equal(joins, (await _office.JoinAsync(token.Reveal(), new PublicKey(Key()), null, IPAddress.Parse(from), CancellationToken.None)).Certificate is not null);
    }

    [Fact]
    public async Task Uses_are_spent_one_by_one_however_many_ask_at_once()
    {
        // Two junctions over one directory: what holds between threads must hold between processes.
        using var second = PkiDirectory.Open(_folder["pki"], _time);
        var offices = new[] { _office, Office(second) };
        var token = Token("node-*", uses: 10);
        var asked = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(() => JoinAsync(token, Key(), null, offices[i % 2]))));
        Assert.Equal(10, asked.Count(v => v.Certificate is not null));
        Assert.Equal(10, asked.Where(v => v.Node is not null).DistinctBy(v => v.Node!.Name).Count());
        Assert.Equal(10, _pki.Tokens.Uses(token.Id).Count);
    }

    [Fact]
    public async Task Half_a_line_that_a_crash_left_is_no_use_and_spoils_none()
    {
        var token = Token("node-*", uses: 2);
        await JoinAsync(token, Key(), "node-1");
        await File.AppendAllTextAsync(Path.Combine(_folder["pki"], "tokens", $"{token.Id}.used"), $"\n{new string('a', 64)} node-9 2026-01");
        await JoinAsync(token, Key(), "node-2");
        Assert.Equal(["node-1", "node-2"], _pki.Tokens.Uses(token.Id).Select(u => u.Name));
        Assert.Contains("used up", (await JoinAsync(token, Key())).Told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_use_without_its_certificate_is_made_good_when_the_same_key_comes_again()
    {
        // The junction died after the use was on the disk and before anything else was.
        var (token, key) = (Token("node-*"), Key());
        _pki.Tokens.Spend(token.Id, new TokenUse(PeerIdentity.KeyOf(new PublicKey(key)), "node-3", _time.GetUtcNow(), null));
        Assert.Equal("node-3", (await JoinAsync(token, key)).Node!.Name);
        Assert.NotNull(_pki.ReadNode("node-3"));
    }

    [Fact]
    public async Task Nothing_of_a_token_that_could_be_shown_again_is_kept()
    {
        var token = Token("node-*");
        await JoinAsync(token, Key());
        var text = token.Reveal();
        var files = Directory.EnumerateFiles(_folder["pki"], "*", SearchOption.AllDirectories).ToList();
        Assert.Contains(files, f => f.EndsWith(".used", StringComparison.Ordinal));
        var secret = System.Buffers.Text.Base64Url.DecodeFromChars(text.AsSpan(5))[9..25];
        foreach (var file in files)
        {
            var held = await File.ReadAllBytesAsync(file);
            Assert.Equal(-1, held.AsSpan().IndexOf(secret));
            Assert.DoesNotContain(Convert.ToHexStringLower(secret), System.Text.Encoding.Latin1.GetString(held), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(text[20..60], System.Text.Encoding.Latin1.GetString(held), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(text[20..60], token.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renewal_has_the_same_name_and_key_and_lives_as_long_as_the_rules_say()
    {
        var key = Key();
        var joined = await JoinAsync(Token("node-*"), key, "node-07");
        _time.Advance(TimeSpan.FromHours(16));
        var renewed = await RenewAsync(joined, key);
        Assert.Equal(("node-07", 1L), (renewed.Node!.Name, renewed.Node.Renewals));
        Assert.Equal(PeerIdentity.KeyOf(joined.Certificate!.PublicKey), PeerIdentity.KeyOf(renewed.Certificate!.PublicKey));
        Assert.Equal(_time.GetUtcNow().AddHours(24), renewed.Certificate.NotAfter.ToUniversalTime(), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_renewal_for_another_key_than_that_of_the_certificate_is_refused()
    {
        var joined = await JoinAsync(Token("node-*"), Key(), "node-07");
        Assert.Contains("for the key of the certificate", (await _office.RenewAsync(Who(joined), new PublicKey(Key()), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
        Assert.Contains("needs the certificate", (await _office.RenewAsync(null, new PublicKey(Key()), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_the_certificate_does_not_bear_is_not_renewed()
    {
        // Of another authority in trust that has a DNS name of ours: its key is not bound to the name.
        await JoinAsync(Token("node-*"), Key(), "node-07");
        var key = Key();
        var stranger = new PeerIdentity("node-07", ["node-07"], "01", _time.GetUtcNow(), PeerIdentity.KeyOf(new PublicKey(key)));
        Assert.Contains("not known here", (await _office.RenewAsync(stranger, new PublicKey(key), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_was_lost_costs_nothing()
    {
        var key = Key();
        var joined = await JoinAsync(Token("node-*"), key);
        await RenewAsync(joined, key);
        var again = await RenewAsync(joined, key);
        Assert.Equal((false, 0), (again.IsCopySuspected, again.Node!.Rejoins.Length));
    }

    [Fact]
    public async Task Answers_that_were_lost_while_it_came_back_count_once_and_lock_nobody_out()
    {
        var key = Key();
        var joined = await JoinAsync(Token("node-*"), key);
        var name = joined.Node!.Name;
        _time.Advance(TimeSpan.FromDays(2));
        for (var i = 0; i < 10; i++)
            Assert.Single((await RejoinAsync(name, key)).Node!.Rejoins);
        // What it shows in the end is proof that it got an answer: the next return is another one.
        var back = await RejoinAsync(name, key);
        Assert.False((await RenewAsync(back, key)).IsCopySuspected);
        _time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(2, (await RejoinAsync(name, key)).Node!.Rejoins.Length);
    }

    [Fact]
    public async Task By_a_clock_that_was_a_day_ahead_nothing_is_lost_once_it_is_right_again()
    {
        // It took its certificate for one that had run out, and what it got instead as well: so it still shows the first.
        var key = Key();
        var joined = await JoinAsync(Token("node-*"), key);
        for (var i = 0; i < 10; i++)
            Assert.NotNull((await RejoinAsync(joined.Node!.Name, key)).Certificate);
        var renewed = await RenewAsync(joined, key);
        Assert.Equal((false, 1), (renewed.IsCopySuspected, renewed.Node!.Rejoins.Length));
        Assert.False((await RenewAsync(renewed, key)).IsCopySuspected);
    }

    [Fact]
    public async Task Who_comes_by_a_key_alone_each_day_and_never_renews_is_counted_and_stopped()
    {
        var key = Key();
        var name = (await JoinAsync(Token("node-*"), key)).Node!.Name;
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromHours(25));
            Assert.Equal(i + 1, (await RejoinAsync(name, key)).Node!.Rejoins.Length);
        }

        _time.Advance(TimeSpan.FromHours(25));
        Assert.Contains("too often", (await _office.RejoinAsync(name, new PublicKey(key), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_comes_by_a_key_alone_beside_one_that_renews_is_suspected_and_stopped()
    {
        var key = Key();
        var office = new EnrolmentOffice(_pki, new EnrolmentRules(TimeSpan.FromHours(24), EnrolmentRules.UsualRejoinLimit), _time);
        var honest = await JoinAsync(Token("node-*"), key, null, office);
        for (var i = 0; i < EnrolmentRules.MostCopies; i++)
        {
            _time.Advance(TimeSpan.FromHours(16));
            honest = await office.RenewAsync(Who(honest), new PublicKey(key), Somewhere, CancellationToken.None);
            Assert.NotNull(honest.Certificate);
            var thief = await office.RejoinAsync(honest.Node!.Name, new PublicKey(key), Somewhere, CancellationToken.None);
            Assert.True(thief is { IsCopySuspected: true, Certificate: not null }, $"{i}: {thief.Reason}");
        }

        honest = await office.RenewAsync(Who(honest), new PublicKey(key), Somewhere, CancellationToken.None);
        var stopped = await office.RejoinAsync(honest.Node!.Name, new PublicKey(key), Somewhere, CancellationToken.None);
        Assert.Equal((true, null), (stopped.IsCopySuspected, stopped.Certificate));
        Assert.Contains("while its certificate was good too often", stopped.Told, StringComparison.Ordinal);
        Assert.NotNull((await office.RenewAsync(Who(honest), new PublicKey(key), Somewhere, CancellationToken.None)).Certificate);
    }

    [Fact]
    public async Task A_machine_that_is_off_every_night_comes_back_every_morning()
    {
        var key = Key();
        var office = new EnrolmentOffice(_pki, new EnrolmentRules(TimeSpan.FromHours(24), EnrolmentRules.UsualRejoinLimit), _time);
        var name = (await JoinAsync(Token("node-*"), key, null, office)).Node!.Name;
        for (var day = 0; day < 90; day++)
        {
            _time.Advance(TimeSpan.FromHours(24.5));   // it was shut down before it renewed
            var back = await office.RejoinAsync(name, new PublicKey(key), Somewhere, CancellationToken.None);
            Assert.True(back.Certificate is not null, $"day {day}: {back.Reason}");
            Assert.NotNull((await office.RenewAsync(Who(back), new PublicKey(key), Somewhere, CancellationToken.None)).Certificate);
        }
    }

    [Fact]
    public async Task What_an_authority_of_before_wrote_down_is_read_and_counts()
    {
        var key = Key();
        var name = (await JoinAsync(Token("node-*"), key)).Node!.Name;
        var now = _time.GetUtcNow();
        await File.WriteAllTextAsync(Path.Combine(_folder["pki"], "nodes", $"{name}.json"), $$"""
            {"name":"{{name}}","key":"{{PeerIdentity.KeyOf(new PublicKey(key))}}","joined":"{{now:O}}","serial":"5A01","issued":"{{now:O}}","expires":"{{now:O}}","renewals":4,
             "rejoins":["{{now.AddDays(-1):O}}","{{now.AddDays(-2):O}}"]}
            """);
        var back = (await RejoinAsync(name, key)).Node!;
        Assert.Equal((3, 4L, "5A01"), (back.Rejoins.Length, back.Renewals, back.Previous));
        Assert.Empty(back.Copies);
    }

    [Theory]
    [InlineData("newest", "refused", "refused")]
    [InlineData("the one before", "refused", "issued")]   // its holder may renew with the newest, and come back by the key: that is not revoked
    public async Task A_certificate_that_is_revoked_by_its_number_renews_no_more(string which, string renewal, string rejoin)
    {
        var key = Key();
        var first = await JoinAsync(Token("node-*"), key);
        var newest = await RenewAsync(first, key);
        var revoked = which == "newest" ? newest : first;
        using (await _pki.LockAsync(CancellationToken.None))
            _pki.ChangeDenyList(_ => [new DenyEntry { Serial = revoked.Certificate!.SerialNumber }]);
        Assert.Equal(renewal, What(await RenewAsync(revoked, key)));
        Assert.Equal(rejoin, What(await RejoinAsync(first.Node!.Name, key)));

        static string What(EnrolmentVerdict verdict) => verdict.Certificate is not null ? "issued" : verdict.Told.Contains("revoked", StringComparison.Ordinal) ? "refused" : verdict.Told;
    }

    [Fact]
    public async Task A_token_does_not_bring_back_a_key_whose_newest_certificate_is_revoked()
    {
        var (token, key) = (Token("node-*", uses: 2), Key());
        var joined = await JoinAsync(token, key);
        using (await _pki.LockAsync(CancellationToken.None))
            _pki.ChangeDenyList(_ => [new DenyEntry { Serial = joined.Certificate!.SerialNumber }]);
        Assert.Contains("revoked", (await JoinAsync(token, key)).Told, StringComparison.Ordinal);
        Assert.NotNull((await JoinAsync(token, Key())).Certificate);
    }

    [Fact]
    public async Task Who_shows_something_genuine_is_told_from_a_stranger()
    {
        var (token, key) = (Token("node-*"), Key());
        var joined = await JoinAsync(token, key, "node-07");
        using var other = new TestAuthority();
        string? Proof(EnrolmentQuestion question, ECDsa with, PeerIdentity? shown = null) => _office.Proof(question, new PublicKey(with), shown);
        Assert.Equal($"token {token.Id}", Proof(new EnrolmentQuestion { Do = "join", Token = token.Reveal() }, Key()));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "join", Token = JoinToken.Create(other.Ca, "hq", _time.GetUtcNow()).Reveal() }, key));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "join", Token = JoinToken.Create(_pki.Ca, "elsewhere", _time.GetUtcNow()).Reveal() }, key));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "join" }, key));
        Assert.Equal("key of node-07", Proof(new EnrolmentQuestion { Do = "rejoin", Name = "node-07" }, key));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "rejoin", Name = "node-07" }, Key()));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "rejoin", Name = "../ca" }, key));
        Assert.Equal("key of node-07", Proof(new EnrolmentQuestion { Do = "renew" }, key, Who(joined)));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "renew" }, Key(), Who(joined)));
        Assert.Null(Proof(new EnrolmentQuestion { Do = "renew" }, key));
    }

    [Fact]
    public async Task Two_that_hold_one_key_are_noticed_and_run_out_of_rejoins()
    {
        var key = Key();
        var mine = await JoinAsync(Token("node-*"), key);
        var copy = mine;
        var suspected = 0;
        for (var i = 0; i < 20 && mine.Certificate is not null && copy.Certificate is not null; i++)
        {
            mine = await RenewAsync(mine, key);
            if (mine.Certificate is null) break;
            suspected += mine.IsCopySuspected ? 1 : 0;
            copy = await RenewAsync(copy, key);
            suspected += copy.IsCopySuspected ? 1 : 0;
        }

        Assert.InRange(suspected, 3, 10);
        Assert.Contains(new[] { mine, copy }, v => v.Told.Contains("too often", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_junction_that_was_off_comes_back_by_its_key_so_often_and_no_more()
    {
        var key = Key();
        var name = (await JoinAsync(Token("node-*"), key)).Node!.Name;
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromDays(2));
            var back = await RejoinAsync(name, key);
            Assert.Equal(i + 1, back.Node!.Rejoins.Length);
            Assert.NotNull((await RenewAsync(back, key)).Certificate);
        }

        Assert.Contains("too often", (await _office.RejoinAsync(name, new PublicKey(key), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
        // What is 30 days ago does not count any more.
        _time.Advance(TimeSpan.FromDays(27));
        Assert.NotNull((await _office.RejoinAsync(name, new PublicKey(key), Somewhere, CancellationToken.None)).Certificate);
        // Another key, another name, no name.
        foreach (var (who, whose) in new[] { (name, Key()), ("node-none", key), ("../ca", key), (null!, key) })
            Assert.Contains("not known here", (await _office.RejoinAsync(who, new PublicKey(whose), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Coming_back_by_key_can_be_turned_off()
    {
        var key = Key();
        var office = new EnrolmentOffice(_pki, new EnrolmentRules(TimeSpan.FromHours(24), 0), _time);
        var joined = await JoinAsync(Token("node-*"), key, null, office);
        Assert.Contains("turned off", (await office.RejoinAsync(joined.Node!.Name, new PublicKey(key), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
        Assert.NotNull((await office.RenewAsync(Who(joined), new PublicKey(key), Somewhere, CancellationToken.None)).Certificate);
    }

    [Fact]
    public async Task Who_is_revoked_gets_nothing_by_any_way()
    {
        var key = Key();
        var joined = await JoinAsync(Token("node-*"), key, "node-07");
        using (await _pki.LockAsync(CancellationToken.None))
            _pki.ChangeDenyList(_ => [new DenyEntry { Name = "node-07" }, new DenyEntry { Key = joined.Node!.Key }]);
        Assert.Contains("revoked", (await RenewAsync(joined, key)).Told, StringComparison.Ordinal);
        Assert.Contains("revoked", (await _office.RejoinAsync("node-07", new PublicKey(key), Somewhere, CancellationToken.None)).Told, StringComparison.Ordinal);
        Assert.Contains("revoked", (await JoinAsync(Token("node-*"), key, "node-08")).Told, StringComparison.Ordinal);   // the key, under another name
        Assert.NotEqual("node-07", (await JoinAsync(Token("node-*"), Key(), "node-07")).Node!.Name);                     // the name, for another key
        Assert.Contains("revoked", (await JoinAsync(Token("node-07"), Key())).Told, StringComparison.Ordinal);
    }

    private EnrolmentOffice Office(PkiDirectory pki) => new(pki, new EnrolmentRules(TimeSpan.FromHours(24), 3), _time);

    private static ECDsa Key() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private JoinToken Token(string name, int uses = 1, string[]? from = null)
    {
        var token = JoinToken.Create(_pki.Ca, "hq", _time.GetUtcNow().AddHours(1));
        _pki.Tokens.Write(new TokenRecord
        {
            Id = token.Id,
            Hash = Convert.ToHexStringLower(token.SecretHash),
            Name = name,
            Uses = uses,
            Expires = token.Expires,
            From = from ?? [],
            Created = _time.GetUtcNow(),
        });
        return token;
    }

    private Task<EnrolmentVerdict> JoinAsync(JoinToken token, ECDsa key, string? wish = null, EnrolmentOffice? office = null) =>
        (office ?? _office).JoinAsync(token.Reveal(), new PublicKey(key), wish, Somewhere, CancellationToken.None);

    private Task<EnrolmentVerdict> RenewAsync(EnrolmentVerdict last, ECDsa key) => _office.RenewAsync(Who(last), new PublicKey(key), Somewhere, CancellationToken.None);

    private Task<EnrolmentVerdict> RejoinAsync(string name, ECDsa key) => _office.RejoinAsync(name, new PublicKey(key), Somewhere, CancellationToken.None);

    private static PeerIdentity Who(EnrolmentVerdict verdict) => PeerIdentity.Of(verdict.Certificate!, "junction.internal");
}
