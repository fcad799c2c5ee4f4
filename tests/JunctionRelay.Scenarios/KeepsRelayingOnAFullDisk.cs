using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// The disk where a junction keeps its state is full to the last byte. It keeps relaying, and says so in log, metric and status; no file is half written; and all is written once there is room.
/// </summary>
public sealed class KeepsRelayingOnAFullDisk
{
    [Fact]
    public async Task The_disk_of_the_identity()
    {
        await using var rig = await Rig.Start(fullAtHq: false);
        var (node, disk) = (rig.Node, rig.Disk);
        await rig.Authority.Run("pki", ["revoke", "node-98"]);
        await Deadline.Until(() => disk.Files(node.Program).ContainsKey("deny.list"), Deadline.Start, "the deny list is kept", node.Program.Said);
        await rig.AssertWritten("certificate", "deny-list");

        disk.Fill(node.Program);
        var (before, key) = (disk.Files(node.Program), "junction.key");
        Assert.Equal(["ca.crt", "deny.list", "enrolment.json", "junction.crt", key], before.Keys);
        await rig.Authority.Run("pki", ["revoke", "node-99"]);
        await node.Line("the deny list cannot be kept for the next start: No space left on device", Deadline.Start);
        await node.Line("our renewed certificate is in use, and cannot be written for the next start: No space left on device", Deadline.Start);
        await rig.AssertNotWritten("deny.list", "deny-list");
        await rig.AssertNotWritten("junction.crt", "certificate");
        await rig.AssertUnchanged(before, node);
        // Also when that on the disk has run out, a link that is made anew is let in.
        var until = NotAfter(before);
        await Deadline.Until(() => TimeProvider.System.GetUtcNow() > until, Deadline.Start, "the certificate on the disk runs out");
        await rig.Hq.Restart();
        await Deadline.Until(() => node.Program.Lines.Count(l => l.Contains("link with hq is up", StringComparison.Ordinal)) > 1, Deadline.Start, "the link is back", node.Program.Said);
        await rig.AssertRelays();

        disk.Free(node.Program);
        await node.Line("the deny list is kept for the next start again", Deadline.Start);
        await node.Line("our renewed certificate is written for the next start", Deadline.Start);
        await rig.AssertWritten("certificate", "deny-list");
        var after = disk.Files(node.Program);
        Assert.Equal(before.Keys, after.Keys);
        Assert.Equal(before[key], after[key]);
        Assert.True(NotAfter(after) > until, $"{NotAfter(after)} is not after {until}");
        Assert.Equal(File.ReadAllText(Path.Combine(rig.Authority.Directory, "deny.list")), after["deny.list"]);
        await rig.AssertRelays();
    }

    [Fact]
    public async Task The_disk_of_the_authority()
    {
        await using var rig = await Rig.Start(fullAtHq: true);
        var (hq, disk) = (rig.Hq, rig.Disk);
        await rig.AssertWritten("authority");
        disk.Fill(hq.Program);
        var before = disk.Files(hq.Program);
        await hq.Line("could not be answered: No space left on device", Deadline.Start);
        await rig.Node.Line("our certificate could not be renewed", Deadline.Start);
        await rig.AssertNotWritten("pki", "authority");
        await rig.AssertUnchanged(before, hq);
        await rig.AssertHeld();
        await rig.AssertRelays();

        disk.Free(hq.Program);
        await Deadline.Until(() => disk.Files(hq.Program)["nodes/node-1.json"] != before["nodes/node-1.json"], Deadline.Start, "the node is renewed", rig.Node.Program.Said);
        await rig.AssertWritten("authority");
        var after = disk.Files(hq.Program);
        Assert.Equal(before.Keys, after.Keys);
        Assert.Equal(["nodes/node-1.json"], after.Where(f => before[f.Key] != f.Value).Select(f => f.Key));
        await rig.AssertHeld();
        await rig.AssertRelays();
    }

    private static DateTimeOffset NotAfter(SortedDictionary<string, string> files)
    {
        using var certificate = X509Certificate2.CreateFromPem(files["junction.crt"]);
        return certificate.NotAfter;
    }

    /// <summary>An authority's junction and a node that joined it, with a relay over their link and a client that stays; one of the two on a small disk and with an admin endpoint.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly LoopbackServer _echo = LoopbackServer.Echo();
        private readonly HttpClient _http = new();
        private readonly PatternedBytes _pattern = new(1);
        private readonly int _port = FreePort.Next(), _admin = FreePort.Next();
        private SiteAuthority? _authority;
        private SmallDisk? _disk;
        private JunctionProcess? _hq, _node;
        private Socket? _held;
        private int _sent;

        public SiteAuthority Authority => _authority!;
        public SmallDisk Disk => _disk!;
        public JunctionProcess Hq => _hq!;
        public JunctionProcess Node => _node!;

        public static async Task<Rig> Start(bool fullAtHq)
        {
            var rig = new Rig();
            try
            {
                await rig.Launch(fullAtHq);
                return rig;
            }
            catch
            {
                await rig.DisposeAsync();
                throw;
            }
        }

        private async Task Launch(bool fullAtHq)
        {
            _authority = await SiteAuthority.Init(_folder);
            await Authority.Run("token", ["create", "--name", "node-*", "--out", _folder["token"]]);
            var links = FreePort.Next();
            var asked = $$""", "admin": { "listen": "127.0.0.1:{{_admin}}" }""";
            _disk = new SmallDisk(fullAtHq ? Authority.Directory : _folder["node"]);
            var onIt = new ProgramOptions { Wrapper = Disk.Wrapper };
            _hq = await JunctionProcess.Start(
                $$"""
                {
                  "identity": { "directory": "{{await Authority.Issue("hq")}}" }, "pki": { "directory": "{{Authority.Directory}}", "certificateLifetime": "10s" }, "linkListen": ["127.0.0.1:{{links}}"],
                  "services": { "echo": { "target": ["127.0.0.1:{{_echo.Port}}"] } }, "peers": { "node-*": { "services": ["echo"] } }{{(fullAtHq ? asked : "")}}
                }
                """,
                fullAtHq ? onIt : null);
            await RealProgram.Succeed(JunctionProcess.Binary(), ["enroll", $"127.0.0.1:{links}", "--token-file", _folder["token"], "--identity", _folder["node"], "--name", "node-1"]);
            _node = await JunctionProcess.Start(
                $$"""
                {
                  "identity": { "directory": "{{_folder["node"]}}" }, "links": { "hq": { "dial": ["127.0.0.1:{{links}}"] } },
                  "relays": { "echo": { "listen": ["127.0.0.1:{{_port}}"], "target": ["link://hq/echo"] } }{{(fullAtHq ? "" : asked)}}
                }
                """,
                fullAtHq ? null : onIt);
            await Node.Line("link with hq is up", Deadline.Start);
            await Node.Program.Listening(_port);
            await (fullAtHq ? Hq : Node).Line("admin endpoint listens", Deadline.Start);
            _held = await Loopback.Connect(_port);
            await AssertHeld();
        }

        /// <summary>The connection that was there from the beginning goes on.</summary>
        public async Task AssertHeld()
        {
            await _pattern.Send(_held!, _sent, 1000);
            await _pattern.Receive(_held!, _sent, 1000);
            _sent += 1000;
        }

        public Task AssertRelays() => Loopback.EchoThrough(_port, 10_000);

        // A try may just be on its way, in a file of another name.
        public Task AssertUnchanged(SortedDictionary<string, string> files, JunctionProcess junction) =>
            Deadline.Until(() => files.SequenceEqual(Disk.Files(junction.Program)), Deadline.Soon, "each file is as it was, and no other is there", () => string.Join(' ', Disk.Files(junction.Program).Keys));

        public async Task AssertWritten(params string[] kinds)
        {
            await Deadline.Until(
                async () => await Metrics() is var metrics && Array.TrueForAll(kinds, kind => metrics.Contains($"junction_state_write_success{{kind=\"{kind}\"}} 1\n", StringComparison.Ordinal)),
                Deadline.Soon, $"{string.Join(" and ", kinds)} count as written");
            Assert.DoesNotContain("cannot be written", await Status(), StringComparison.Ordinal);
        }

        public async Task AssertNotWritten(string file, string kind)
        {
            Assert.Contains($"junction_state_write_success{{kind=\"{kind}\"}} 0\n", await Metrics(), StringComparison.Ordinal);
            Assert.Matches($"/{file} cannot be written: No space left on device", await Status());
        }

        public async ValueTask DisposeAsync()
        {
            _held?.Dispose();
            _http.Dispose();
            if (_node is not null) await _node.DisposeAsync();
            if (_hq is not null) await _hq.DisposeAsync();
            await _echo.DisposeAsync();
            _folder.Dispose();
        }

        private Task<string> Metrics() => _http.GetStringAsync($"http://127.0.0.1:{_admin}/metrics");

        private async Task<string> Status()
        {
            var config = _folder.Write("status.json", $$"""{ "admin": { "listen": "127.0.0.1:{{_admin}}" }, "relays": { "echo": { "listen": ["127.0.0.1:{{_port}}"], "target": ["127.0.0.1:{{_echo.Port}}"] } } }""");
            return await RealProgram.Succeed(JunctionProcess.Binary(), ["status", "-c", config]);
        }
    }
}
