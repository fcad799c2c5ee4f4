using System.Net;
using System.Net.Sockets;
using System.Text;
using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// <c>junction forward -J gate,hq</c> where the desk has no way but the gate, and the gate none to the server: single ports, ranges, unix sockets, SOCKS and standard
/// input. What passes the gate is TLS that it cannot read.
/// </summary>
public sealed class ForwardThroughTwoHopsReachesTheServer
{
    private const int Web = 8080;
    private const string Page = "hello from the server\n";

    /// <summary>The same line, as it would be run and as it stands in somebody's script: both print a configuration, which is one.</summary>
    [Theory]
    [InlineData("forward", "--print-config", "-L", "127.0.0.1:8080:10.1.2.3:80")]
    [InlineData("import", "ssh", "ssh -N -L 127.0.0.1:8080:10.1.2.3:80 127.0.0.1")]
    [InlineData("import", "ssh", "desk", "-F", "ssh_config")]
    public async Task The_configuration_that_does_the_same_is_printed(params string[] words)
    {
        using var folder = new TemporaryFolder();
        folder.Write("ssh_config", "Host desk\n  HostName 127.0.0.1\n  LocalForward 127.0.0.1:8080 10.1.2.3:80\n");
        var authority = await SiteAuthority.Init(folder);
        var printed = await JunctionProcess.Run([.. words.Select(w => w == "ssh_config" ? folder[w] : w), .. words[0] == "import" ? new[] { "--identity", await authority.Issue("cloud") } : []]);
        Assert.True(printed.ExitCode == 0, printed.ToString());
        Assert.Contains("\"127.0.0.1:8080\"", printed.Output, StringComparison.Ordinal);
        Assert.Contains("10.1.2.3:80\"", printed.Output, StringComparison.Ordinal);
        var valid = await JunctionProcess.Run("validate", folder.Write("junction.json", printed.Output));
        Assert.True(valid.ExitCode == 0, $"{printed.Output}\n{valid}");
    }

    [Fact]
    public async Task Ports_ranges_unix_sockets_and_socks()
    {
        await using var site = await ForwardSite.Lay();
        await site.ServeWeb(site.Server, ForwardSite.ServerAddress, Web, Page);
        await site.ServeWeb(site.Server, ForwardSite.ServerAddress, Web + 2, "the third of the range\n");
        var socket = site.Folder["near.sock"];
        await site.Forward(
            "-N", "-L", $"9000:www.corp:{Web}", "-L", $"6000-6002:www.corp:{Web}-{Web + 2}", "-L", $"{socket}:www.corp:{Web}", "-D", "1080", "-J", "gate,hq");
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "http://127.0.0.1:9000/hello"));
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "http://[::1]:9000/hello"));
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "http://127.0.0.1:6000/hello"));
        Assert.Equal("the third of the range\n", await ForwardSite.Get(site.Near, "http://127.0.0.1:6002/hello"));
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "--unix-socket", socket, "http://www.corp/hello"));
        // The name is one that hq alone knows.
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "--noproxy", "", "--socks5-hostname", "127.0.0.1:1080", $"http://www.corp:{Web}/hello"));

        var ended = await site.HqJunction.Ended(6);
        // curl leaves a unix socket as soon as it has the page, which may look like a reset.
        Assert.All(ended, c => Assert.True(c.IsClean || (c.Reason == "client-reset" && c.Text.Contains("client=unix:", StringComparison.Ordinal)), c.Text));
        // The gate relayed a connection to hq, and does not know what was in it.
        Assert.Contains(site.GateJunction.Program.Lines, l => l.Contains("link with near is up", StringComparison.Ordinal));
        Assert.DoesNotContain(site.GateJunction.Program.Lines, l => l.Contains("www.corp", StringComparison.Ordinal));
        Assert.NotEqual(0, (await RealProgram.Run("curl", ["--silent", "--max-time", "3", $"http://{ForwardSite.ServerAddress}:{Web}/hello"], new ProgramOptions { Host = site.Near })).ExitCode);
    }

    [Fact]
    public async Task The_hop_in_the_middle_sees_ciphertext_alone()
    {
        // What the gate sends to hq:8443 is all that it can read: a tap there stands before hq's junction, on 8444.
        await using var site = await ForwardSite.Lay(ForwardSite.LinkPort + 1);
        var seen = new MemoryStream();
        await using var tap = new LoopbackServer(gate => Tap(gate, site.Hq, seen), ForwardSite.LinkPort, site.Hq, ForwardSite.HqAddress);
        await site.ServeWeb(site.Server, ForwardSite.ServerAddress, Web, Page);
        await site.Forward("-L", $"9000:www.corp:{Web}", "-J", "gate", "hq");
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "http://127.0.0.1:9000/hello"));

        byte[] bytes;
        lock (seen)
            bytes = seen.ToArray();
        Assert.True(bytes.Length > 1000, $"only {bytes.Length} bytes passed");
        Assert.Equal([0x16, 0x03], bytes[..2]);   // a TLS handshake record
        foreach (var plain in new[] { "GET /hello", "www.corp", "hello from the server", "lmgrd" })
            Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(plain)));
    }

    [Fact]
    public async Task Standard_input_and_output_are_a_connection()
    {
        await using var site = await ForwardSite.Lay();
        await site.ServeWeb(site.Server, ForwardSite.ServerAddress, Web, Page);
        var got = await site.RunForward(["-J", "gate,hq", "-W", $"www.corp:{Web}"], "GET /hello HTTP/1.0\r\n\r\n");
        Assert.Equal((0, ""), (got.ExitCode, got.Error));
        Assert.EndsWith(Page, got.Output, StringComparison.Ordinal);

        var closed = await site.RunForward(["-J", "gate,hq", "-W", "www.corp:81"]);
        Assert.Equal((69, ""), (closed.ExitCode, closed.Output));
        Assert.Contains("dial-refused", closed.Error, StringComparison.Ordinal);
        var forbidden = await site.RunForward(["-J", "gate,hq", "-W", "www.example.com:80"]);
        Assert.Equal((77, ""), (forbidden.ExitCode, forbidden.Output));
        Assert.Contains("not-permitted", forbidden.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Git_clones_through_it_as_its_proxy_command()
    {
        await using var site = await ForwardSite.Lay();
        await using var sshd = await SshServer.Start(site.Server, site.Folder, 2222);
        var repository = site.Folder.Folder("repository");
        await RealProgram.Succeed("git", ["-C", repository, "init", "--quiet"]);
        await RealProgram.Succeed("git", ["-C", repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "over two junctions"]);
        var ssh = $"ssh -F {sshd.Config} -o ProxyCommand='{JunctionProcess.Binary()} forward --identity {site.Identity} -J gate,hq -W %h:%p'";
        await RealProgram.Succeed(
            "git", ["clone", "--quiet", $"ssh://git.corp:2222{repository}", site.Folder["clone"]],
            new ProgramOptions { Host = site.Near, Environment = new Dictionary<string, string> { ["GIT_SSH_COMMAND"] = ssh } });
        Assert.Contains("over two junctions", await RealProgram.Succeed("git", ["-C", site.Folder["clone"], "log", "--oneline"]), StringComparison.Ordinal);
        Assert.All(await site.HqJunction.Ended(1), c => Assert.Equal("git.corp:2222", c.Target));
    }

    [Fact]
    public async Task In_the_background_it_returns_when_it_listens()
    {
        await using var site = await ForwardSite.Lay();
        await site.ServeWeb(site.Server, ForwardSite.ServerAddress, Web, Page);
        // Nothing of it may hold our pipes open: as with ssh -f, whoever reads its output sends it elsewhere.
        var started = await RealProgram.Run(
            "sh", ["-c", $"{JunctionProcess.Binary()} forward --identity {site.Identity} -f -N -L 9000:www.corp:{Web} -J gate,hq >{site.Folder["f.log"]} 2>&1"],
            new ProgramOptions { Host = site.Near });
        Assert.True(started.ExitCode == 0, $"{started}\n{await File.ReadAllTextAsync(site.Folder["f.log"])}");
        Assert.Equal(Page, await ForwardSite.Get(site.Near, "http://127.0.0.1:9000/hello"));
        var again = await RealProgram.Run(
            "sh", ["-c", $"{JunctionProcess.Binary()} forward --identity {site.Identity} -f -N -L 9000:www.corp:{Web} -J gate,hq >{site.Folder["g.log"]} 2>&1"],
            new ProgramOptions { Host = site.Near });
        Assert.Equal(69, again.ExitCode);
    }

    private static async Task Tap(Socket gate, Host hq, MemoryStream seen)
    {
        using var onward = HostSockets.Create(hq);
        await onward.ConnectAsync(IPAddress.Parse(ForwardSite.HqAddress), ForwardSite.LinkPort + 1);
        await Task.WhenAny(Copy(gate, onward), Copy(onward, gate));

        async Task Copy(Socket from, Socket to)
        {
            var buffer = new byte[64 * 1024];
            for (int length; (length = await from.ReceiveAsync(buffer)) > 0;)
            {
                lock (seen)
                    seen.Write(buffer, 0, length);
                for (var sent = 0; sent < length;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, length - sent));
            }
        }
    }
}
