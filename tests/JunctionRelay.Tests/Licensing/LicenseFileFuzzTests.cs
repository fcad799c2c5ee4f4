using System.Buffers;
using System.Text;
using JunctionRelay.Licensing;
using JunctionRelay.Tests.Configuration;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Licensing;

/// <summary>License files that nobody wrote. Each case is made from its number; JUNCTION_FUZZ_CASES sets how many are tried.</summary>
public sealed class LicenseFileFuzzTests
{
    private const string Hostid = "c0ffeeC0FFEE";

    // Control characters but the line's end.
    private static readonly SearchValues<char> Unprintable = SearchValues.Create([.. Enumerable.Range(0, 0xa0).Select(c => (char)c).Where(c => char.IsControl(c) && c != '\n')]);

    private static readonly string[] Words =
    [
        "SERVER", "server", "VENDOR", "DAEMON", "USE_SERVER", "HOST", "ISV", "FEATURE", "#", "lic1.example.com", "10.1.2.3", "fd00::7", "this_host", "ANY", "demod", "27000",
        "0", "65536", "99999999999999999999", "TCP:1700", "PORT=", "PORT=1", "port=27001", "OPTIONS=x", "OPTIONS=", "\"", "\"a b\"", "\\", "\\\n", "\\ \r\n", "\n", "\r\n", "\r", "\t", " ",
        "PRIMARY_IS_MASTER", "HEARTBEAT_INTERVAL=20", "=", ":", "@", "$(id)", "'", "{", "}", "\u001b[2J", "é", "PLAT=1",
    ];

    private static readonly string[] Others = ["FEATURE f demod 1.0 permanent 1 HOSTID=", "INCREMENT f demod SIGN=", "LICENSE acme f 1.0 hostid=", "#SERVER lic0 ", "\t # ", "\"server\" lic0 "];

    private static readonly byte[][] Seeds =
        [.. Directory.GetFiles(RepositoryFiles.Path("tests/JunctionRelay.Tests/Licensing/Files"), "*.lic").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    [Fact]
    public void Files_of_any_bytes_never_throw_and_give_names_and_ports_only()
    {
        int files = 0, pinned = 0;
        for (var number = 0; number < Fuzz.Cases; number++)
        {
            var random = new Random(number);
            var bytes = random.Next(4) == 0 ? Damaged(random) : Encoding.Latin1.GetBytes(Written(random));
            try
            {
                var (file, problem) = LicenseFile.Parse("x.lic", bytes);
                Assert.True(file is null == problem is not null, "a file and a problem, or neither");
                if (file is null)
                    continue;
                files++;
                pinned += file.Daemons.Count(d => d.Port is not null);
                Check(file);
            }
            catch (Exception fault)
            {
                Assert.Fail($"case {number}: {fault}");
            }
        }

        // Most of it must have been read, or this proves little.
        Assert.True(files > Fuzz.Cases / 10 && pinned > Fuzz.Cases / 100, $"{files} files, {pinned} pinned ports in {Fuzz.Cases} cases");
    }

    /// <summary>Found as case 757968: quotation marks hold several words together, and what was repeated as a port or kept as an option had a hostid in it.</summary>
    [Theory]
    [InlineData($"SERVER lic1 0050568a1b2c 27000\nVENDOR demod \"PORT=1 HOST lic2 {Hostid} 65536\"\n")]
    [InlineData($"SERVER lic1 0050568a1b2c 27000 \"HEARTBEAT_INTERVAL=20 {Hostid}\"\n")]
    [InlineData($"SERVER lic1 0050568a1b2c PORT={Hostid}\n")]
    public void Quotation_marks_carry_no_hostid_out_of_the_file(string text)
    {
        var file = LicenseFile.Parse("x.lic", Encoding.ASCII.GetBytes(text)).File!;
        foreach (var server in file.Servers)
            AssertNoHostid(server.Tail);
        foreach (var remark in file.Remarks)
            AssertNoHostid(remark.What);
    }

    [Theory]
    [InlineData($"VENDOR demod \\\nSERVER lic2 {Hostid} 27000\n")]
    [InlineData($"VENDOR demod /opt/acme/demod \\\r\n\t server lic2 {Hostid} 27000 \\\n  PORT=27001\n")]
    [InlineData($"VENDOR \\\nSERVER \\\n lic2 \\\n {Hostid}\n")]
    [InlineData($"DAEMON demod \"/opt/acme \\\n\"SERVER\" lic2 {Hostid}\n")]
    [InlineData($"VENDOR demod \\\n#SERVER lic2 {Hostid} 27000\n")]
    [InlineData($"VENDOR demod \\\nFEATURE solver demod 1.0 permanent 1 HOSTID={Hostid} SIGN=00\n")]
    public void A_line_that_another_one_swallows_is_not_shown_with_it(string text)
    {
        var bytes = Encoding.ASCII.GetBytes($"SERVER lic1 0050568a1b2c 27000\n{text}");
        var file = LicenseFile.Parse("x.lic", bytes).File!;
        Check(file);
        Assert.Equal(["lic1"], file.Servers.Select(s => s.Host));
        Assert.Contains(file.Remarks, r => r is { Where: "x.lic:2", What: var what } && what.StartsWith("the line goes on in line 3", StringComparison.Ordinal));
        var problem = LicenseFile.Parse("x.lic", Encoding.ASCII.GetBytes(text)).Problem!;
        Assert.Contains("no SERVER line of its own: line 1 goes on in line 2", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\\\nSERVER lic1 0050568a1b2c 27000\nVENDOR demod PORT=27001\n")]
    [InlineData("SERVER \\\n server-1.example.com \\\n 0050568a1b2c 27000\nVENDOR demod \\\n \"C:\\Acme License Server\\demod.exe\" \\\n vendor.opt PORT=27001\n")]
    public void What_only_sounds_like_another_line_belongs_to_the_one_it_continues(string text)
    {
        var file = LicenseFile.Parse("x.lic", Encoding.ASCII.GetBytes(text)).File!;
        Assert.Equal((27000, 27001), (Assert.Single(file.Servers).Port, Assert.Single(file.Daemons).Port));
        Assert.Empty(file.Remarks);
    }

    // Loops and spans in place of assertions over collections: of ten million cases these cost most.
    private static void Check(LicenseFile file)
    {
        Assert.NotEmpty(file.Servers);
        foreach (var server in file.Servers)
        {
            Assert.True(LicenseNames.IsHost(server.Host) && server.Port is null or (>= 1 and <= 65535));
            // A hostid is the word behind the host; what stands elsewhere is none.
            AssertNoHostid(server.Host, server.Tail);
        }

        foreach (var daemon in file.Daemons)
        {
            Assert.True(LicenseNames.IsDaemon(daemon.Name) && daemon.Port is null or (>= 1 and <= 65535));
            AssertNoHostid(daemon.Text);
        }

        var options = new ImportOptions { Listen = ["127.0.0.1"], Enterprise = ("hq", 8443), ServerName = "lic" };
        var found = LicenseImport.Read([file], [], options);
        foreach (var remark in found.Remarks)
            AssertNoHostid(remark.Where, remark.What, remark.Change ?? "");

        foreach (var (name, text) in found.Problems.Count > 0 ? [] : new ImportedFiles(found.Servers, options, "made").All())
        {
            AssertNoHostid(name, text);
            Assert.True(name.Length > 0 && !text.Contains("$(", StringComparison.Ordinal) && !text.AsSpan().ContainsAny(Unprintable), text);
        }
    }

    private static void AssertNoHostid(params ReadOnlySpan<string> texts)
    {
        foreach (var text in texts)
            Assert.True(!text.Contains(Hostid, StringComparison.Ordinal), text);
    }

    // Words of the trade in any order, now and then as a line should be.
    private static string Written(Random random)
    {
        var text = new StringBuilder();
        for (var lines = random.Next(6); lines >= 0; lines--)
        {
            // What a \ at the end of the line before may swallow.
            if (random.Next(6) == 0)
                text.Append(Others[random.Next(Others.Length)]).Append(Hostid).Append(' ');
            else if (random.Next(3) == 0)
                text.Append(random.Next(4) == 0 ? "HOST" : "SERVER").Append(" lic").Append(random.Next(4)).Append(' ').Append(Hostid).Append(' ');
            else if (random.Next(3) == 0)
                text.Append("VENDOR ven").Append(random.Next(4)).Append(' ');
            for (var words = random.Next(6); words > 0; words--)
                text.Append(Words[random.Next(Words.Length)]).Append(random.Next(5) == 0 ? "" : " ");
            text.Append(random.Next(8) == 0 ? "\\\n" : "\n");
        }

        return text.ToString();
    }

    private static byte[] Damaged(Random random)
    {
        var bytes = Seeds[random.Next(Seeds.Length)].ToArray();
        for (var damage = random.Next(8); damage > 0 && bytes.Length > 0; damage--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return bytes[..random.Next(bytes.Length + 1)];
    }
}
