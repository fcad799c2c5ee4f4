using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>
/// MuPIF as its manual has it: a Pyro4 name server, a job manager whose jobs' daemons stand on ports 9095-9200 of the server and say that they are 127.0.0.1:6000-6105, and a client that has one line of
/// <c>junction forward</c> in place of its ssh tunnels, through two hops.
/// </summary>
public sealed class MupifJobsRunBehindNatPorts
{
    private const int Jobs = 50;
    private const int FirstJob = 9095;
    private const int Manager = 44382;

    // What both sides of MuPIF set, and a key that both must know.
    private const string Settings = """
        import sys, threading, Pyro4
        Pyro4.config.SERIALIZER = "pickle"
        Pyro4.config.SERIALIZERS_ACCEPTED = {"pickle"}
        Pyro4.config.SERVERTYPE = "multiplex"
        key = b"mmp-secret-key"
        def proxy(uri):
            p = Pyro4.Proxy(uri)
            p._pyroHmacKey = key
            return p

        """;

    private const string ManagerProgram = Settings + """
        server = sys.argv[1]
        released = threading.Event()

        def serve(thing, name, port, natport):
            daemon = Pyro4.Daemon(host=server, port=port, nathost="127.0.0.1", natport=natport)
            daemon._pyroHmacKey = key
            uri = daemon.register(thing, name)
            threading.Thread(target=daemon.requestLoop, daemon=True).start()
            return uri

        @Pyro4.expose
        class Job(object):
            def solve(self, field):
                return [2 * value for value in field]
            def long(self):
                print("the long call has begun", flush=True)
                released.wait()
                return "the long call was answered"

        @Pyro4.expose
        class JobManager(object):
            jobs = 0
            def allocate(self):
                port = 9095 + self.jobs
                self.jobs += 1
                return str(serve(Job(), "job", port, port - 9095 + 6000))
            def release(self):
                released.set()

        uri = serve(JobManager(), "manager", 44382, 5555)
        Pyro4.locateNS(host=server, port=9090, hmac_key=key).register("Mupif.ModelServer@Example", uri)
        print("registered", uri, flush=True)
        threading.Event().wait()
        """;

    private const string ClientProgram = Settings + """
        names = Pyro4.locateNS(host="127.0.0.1", port=9090, hmac_key=key)
        manager = proxy(names.lookup("Mupif.ModelServer@Example"))
        uris = [manager.allocate() for _ in range(int(sys.argv[1]))]
        solved = []
        def run(number, uri):
            with proxy(uri) as job:
                field = [number] * 20000
                if job.solve(field) == [2 * number] * 20000:
                    solved.append(number)
        threads = [threading.Thread(target=run, args=job) for job in enumerate(uris)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print("solved", len(set(solved)), "on", len({uri.rsplit(":")[-1] for uri in uris}), "ports", flush=True)
        with proxy(uris[0]) as job:
            call = threading.Thread(target=lambda: print(job.long(), flush=True))
            call.start()
            sys.stdin.readline()
            manager.release()
            call.join()
        """;

    [Fact]
    public async Task Fifty_jobs_at_once_and_a_call_that_outlives_the_link_s_connection()
    {
        await using var site = await ForwardSite.Lay();
        var environment = new Dictionary<string, string> { ["PYRO_SERIALIZER"] = "pickle", ["PYRO_SERIALIZERS_ACCEPTED"] = "pickle" };
        var names = site.Own(RealProgram.Start(
            "pyro4-ns", ["--host", ForwardSite.ServerAddress, "--port", "9090", "--nobc", "--key", "mmp-secret-key"], new ProgramOptions { Host = site.Server, Environment = environment }));
        await names.Listening(9090);
        var manager = site.Own(RealProgram.Start(
            "/usr/bin/python3", [site.Folder.Write("manager.py", ManagerProgram), ForwardSite.ServerAddress], new ProgramOptions { Host = site.Server }));
        await manager.Line(l => l.StartsWith("registered", StringComparison.Ordinal), "that it is registered");
        await site.Forward("-N", "-L", "9090:www.corp:9090", "-L", $"5555:www.corp:{Manager}", "-L", $"6000-6105:www.corp:{FirstJob}-9200", "-J", "gate,hq");

        var client = site.Own(RealProgram.Start("/usr/bin/python3", [site.Folder.Write("client.py", ClientProgram), $"{Jobs}"], new ProgramOptions { Host = site.Near }));
        await client.Line(l => l == $"solved {Jobs} on {Jobs} ports", "that all jobs are solved");
        await manager.Line(l => l == "the long call has begun", "that the long call has begun");
        // The connection that carries both links is cut at hq; the call waits at the server, and is let go over the new one.
        await NetworkCuts.Reset(site.Hq, ForwardSite.LinkPort);
        await site.HqJunction.Line("goes on where it stopped");
        await client.Input.WriteLineAsync("go on");
        await client.Input.FlushAsync();
        await client.Line(l => l == "the long call was answered", "the answer of the long call");
        await client.Exit(Deadline.Start);

        // hq's own counts: each job went to its port and nowhere else, and brought its field back.
        var ended = await site.HqJunction.Ended(Jobs + 3);
        Assert.All(ended, c => Assert.True(c.ToTarget > 0 && c.ToClient > 0, c.Text));
        Assert.Equal(
            Enumerable.Range(FirstJob, Jobs).Append(Manager).Append(9090).Select(p => $"www.corp:{p}").Order(StringComparer.Ordinal),
            ended.Select(c => c.Target).Distinct().Order(StringComparer.Ordinal));
        Assert.True(ended.Where(c => c.Target != $"www.corp:{Manager}" && c.Target != "www.corp:9090").Sum(c => c.ToClient) > Jobs * 20_000, "the fields did not come back this way");
        // The desk has no other way.
        Assert.NotEqual(0, (await RealProgram.Run("socat", ["-u", "OPEN:/dev/null", $"TCP:{ForwardSite.ServerAddress}:{FirstJob},connect-timeout=3"], new ProgramOptions { Host = site.Near })).ExitCode);
    }
}
