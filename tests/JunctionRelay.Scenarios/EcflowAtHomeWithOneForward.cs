using JunctionRelay.Scenarios.Harness;
using static JunctionRelay.Scenarios.Harness.EcflowMachine;

namespace JunctionRelay.Scenarios;

/// <summary>
/// ecFlow at home, as its users do it with ssh: many <c>-L</c>, <c>-D</c> with the servers' own names, <c>-J</c> over two hops and <c>-C</c>, all in one <c>junction forward</c>. The desk has a cable to the
/// gate alone, the gate to the border, and the border to the machines.
/// </summary>
public sealed class EcflowAtHomeWithOneForward
{
    private const int Socks = 9050;
    private const int SshSocks = 9060;

    // What proxychains does, but on the descriptor that the program has made and already waits for: names of *.corp become addresses of 240.0.0.0/24, and who connects to one gets there by SOCKS.
    private const string Preload = """
        #define _GNU_SOURCE
        #include <arpa/inet.h>
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <netdb.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>

        static char names[250][256];
        static int known;

        int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
        {
            int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
            size_t length = node ? strlen(node) : 0;
            if (length < 5 || length > 255 || strcmp(node + length - 5, ".corp") != 0 || known == 250)
                return real(node, service, hints, result);
            int i = 0;
            while (i < known && strcmp(names[i], node) != 0) i++;
            if (i == known) strcpy(names[known++], node);
            char stands_for[16];
            snprintf(stands_for, sizeof stands_for, "240.0.0.%d", i + 1);
            return real(stands_for, service, hints, result);
        }

        static int all(int fd, unsigned char *bytes, size_t length)
        {
            return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length;
        }

        int connect(int fd, const struct sockaddr *to, socklen_t size)
        {
            int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
            const struct sockaddr_in *in = (const struct sockaddr_in *)to;
            if (to->sa_family != AF_INET || ntohl(in->sin_addr.s_addr) >> 8 != 0xF00000)
                return real(fd, to, size);
            const char *name = names[(ntohl(in->sin_addr.s_addr) & 255) - 1];
            struct sockaddr_in proxy = { .sin_family = AF_INET, .sin_port = htons(atoi(getenv("SOCKS_PORT"))), .sin_addr = { htonl(INADDR_LOOPBACK) } };
            int flags = fcntl(fd, F_GETFL);
            fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
            unsigned char said[300] = { 5, 1, 0 }, heard[300];
            size_t length = strlen(name);
            int reached = real(fd, (struct sockaddr *)&proxy, sizeof proxy) == 0 && send(fd, said, 3, 0) == 3 && all(fd, heard, 2);
            memcpy(said, (unsigned char[]){ 5, 1, 0, 3, length }, 5);
            memcpy(said + 5, name, length);
            memcpy(said + 5 + length, &in->sin_port, 2);
            reached = reached && send(fd, said, 7 + length, 0) == (ssize_t)(7 + length) && all(fd, heard, 4) && heard[1] == 0 && all(fd, heard + 4, heard[3] == 1 ? 6 : 18);
            fcntl(fd, F_SETFL, flags);
            if (reached) return 0;
            errno = ECONNREFUSED;
            return -1;
        }
        """;

    [Fact]
    public async Task By_ports_and_by_names_over_two_hops()
    {
        using var folder = new TemporaryFolder();
        using var authority = new TestCertificates(folder);
        await using var hosts = await NetworkNamespaces.Create();
        var (desk, gate) = (await hosts.AddHost("desk", "10.93.10.2 gate"), await hosts.AddHost("gate", "10.93.11.2 border"));
        var border = await hosts.AddHost("border", Names);
        await NetworkNamespaces.Connect(desk, ["10.93.10.1/24"], gate, ["10.93.10.2/24"]);
        await NetworkNamespaces.Connect(gate, ["10.93.11.1/24"], border, ["10.93.11.2/24"]);
        var owned = new List<IAsyncDisposable>();
        try
        {
            foreach (var i in Enumerable.Range(1, Machines)) owned.AddRange(await EcflowMachine.Start(hosts, border, i, folder));
            owned.Add(await JunctionProcess.Start($$"""
                { "identity": {{authority.Identity("gate")}}, "linkListen": ["10.93.10.2:8443"],
                  "services": { "onward": { "open": ["border:8443"] } }, "peers": { "desk": { "services": ["onward"] } } }
                """, new ProgramOptions { Host = gate }));
            var site = await JunctionProcess.Start($$"""
                { "identity": {{authority.Identity("border")}}, "linkListen": ["10.93.11.2:8443"], "admin": { "listen": "127.0.0.1:9180" },
                  "services": { "any": { "open": ["machine*.corp:{{Port}}", "logserver*.corp:{{LogPort}}", "localhost:22"] } }, "peers": { "desk": { "services": ["any"] } } }
                """, new ProgramOptions { Host = border });
            owned.Add(site);
            var (identity, files) = (folder.Folder("identity"), authority.Issue("desk"));
            foreach (var (from, to) in new[] { (files.Certificate, "junction.crt"), (files.Key, "junction.key"), (authority.Trust, "ca.crt") })
                File.Copy(from, Path.Combine(identity, to));

            // The line of the recipe, but for its first word.
            string[] ports = [.. Enumerable.Range(1, Machines).SelectMany(i => new[] { "-L", $"{4100 + i}:machine{i}.corp:{Port}" })];
            string[] logs = [.. Enumerable.Range(1, LogServers).SelectMany(i => new[] { "-L", $"{9315 + i}:logserver{i}.corp:{LogPort}" })];
            owned.Add(await ForwardProcess.Start(desk, ["--identity", identity, "-C", "-N", .. ports, .. logs, "-D", $"{Socks}", "-J", "gate", "border"]));

            // ssh's own -D stands beside ours; its connection goes through us, since there is no other way.
            var sshd = await SshServer.Start(border, folder, 22);
            owned.Add(sshd);
            var ssh = RealProgram.Start(
                "ssh", ["-F", sshd.Config, "-N", "-D", $"{SshSocks}", "-o", $"ProxyCommand={JunctionProcess.Binary()} forward --identity {identity} -J gate,border -W localhost:22", "border"], new ProgramOptions { Host = desk });
            owned.Add(ssh);
            await ssh.Listening(SshSocks);

            // Debian's proxychains4 puts another socket in the place of the one that ecflow_client has already given to epoll, and then nobody is told of anything, whoever the proxy is.
            var hanging = new[] { Socks, SshSocks }.Select(Chained).ToList();

            foreach (var i in Enumerable.Range(1, Machines))
                Assert.Contains($"suite of{i}", Said(await Get(desk, folder, "localhost", 4100 + i, [])), StringComparison.Ordinal);
            foreach (var i in Enumerable.Range(1, LogServers))
                Assert.Equal($"log of machine {i}\n", await RealProgram.Succeed("socat", ["-u", $"TCP4:localhost:{9315 + i}", "-"], new ProgramOptions { Host = desk }));

            // By the servers' own names, which the desk does not know: through us, and through ssh.
            var library = folder["keep.so"];
            await RealProgram.Succeed("gcc", ["-shared", "-fPIC", "-O1", "-w", "-o", library, folder.Write("keep.c", Preload)]);
            foreach (var (i, socks) in Enumerable.Range(1, Machines).Select(i => (i, Socks)).Append((2, SshSocks)))
                Assert.Contains($"suite of{i}", Said(await Get(desk, folder, $"machine{i}.corp", Port, ["env", $"LD_PRELOAD={library}"], ("SOCKS_PORT", $"{socks}"))), StringComparison.Ordinal);
            foreach (var i in Enumerable.Range(1, LogServers))
                Assert.Equal($"log of machine {i}\n", await Log(library, i));

            foreach (var hang in hanging)
                Assert.Equal(124, (await hang).ExitCode);   // timeout(1) has ended it

            // All of it went this way, and shrank on it.
            await Deadline.Until(
                () => Enumerable.Range(1, Machines).All(i => Carried($"machine{i}.corp:{Port}") >= 2) && Enumerable.Range(1, LogServers).All(i => Carried($"logserver{i}.corp:{LogPort}") == 2),
                Deadline.Soon, "the border has relayed every request to every server twice", site.Program.Said);
            int Carried(string target) => site.Connections.Count(c => c.Target == target && c.ToClient > 0);
            var metrics = await RealProgram.Succeed("curl", ["--silent", "http://127.0.0.1:9180/metrics"], new ProgramOptions { Host = border });
            Assert.Matches("junction_link_saved_bytes_total\\{link=\"desk\"\\} [1-9][0-9]{3}", metrics);
            Assert.Contains("unreachable", (await RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{Address(1)}:{Port}"], new ProgramOptions { Host = desk })).Error, StringComparison.Ordinal);
        }
        finally
        {
            foreach (var one in Enumerable.Reverse(owned)) await one.DisposeAsync();
        }

        Task<ProgramResult> Chained(int socks) => Get(
            desk, folder, "machine1.corp", Port,
            ["timeout", "4", "proxychains4", "-q", "-f", folder.Write($"chains-{socks}", $"strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\nsocks5 127.0.0.1 {socks}\n")]);

        Task<string> Log(string library, int i) => RealProgram.Succeed(
            "socat", ["-u", $"TCP4:logserver{i}.corp:{LogPort}", "-"],
            new ProgramOptions { Host = desk, Wrapper = ["env", $"LD_PRELOAD={library}"], Environment = new Dictionary<string, string> { ["SOCKS_PORT"] = $"{Socks}" } });

        static string Said(ProgramResult result) => result.ExitCode == 0 ? result.Output : $"ecflow_client: {result}";
    }
}
