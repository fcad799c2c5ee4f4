using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary><c>junction exec</c> for users without any right: a job finds servers behind the link by the names that they have there, and nobody else on the node does.</summary>
public sealed class ExecReachesLicensesByTheirOwnNames : IAsyncLifetime
{
    private ExecSite _site = null!;

    public async ValueTask InitializeAsync() => _site = await ExecSite.Open();

    public ValueTask DisposeAsync() => _site.DisposeAsync();

    [Fact]
    public async Task A_checkout_with_an_unpinned_vendor_port_and_the_servers_own_name()
    {
        await _site.HasNoWayAround();
        var config = _site.Config(ExecSite.Lmgrd);
        var job = await _site.Run(_site.As(), "-c", config, "--", "sh", "-c",
            $"id -un; echo $LM_LICENSE_FILE; {JunctionProcess.Binary()} simulate-client --server {ExecSite.LicenseServer}:{ExecSite.LicensePort}; grep {ExecSite.LicenseServer} /etc/hosts | cut -d. -f1");
        Assert.Equal((0, $"nobody\n27000@{ExecSite.LicenseServer}\nheld\nreturned\n127\n", ""), (job.ExitCode, job.Output, job.Error));
        Assert.Equal(1, (await _site.Licenses.Counts()).Checkouts);
        Assert.Equal(["service/lmgrd", "service/lmgrd/vendor"], (await _site.Border.Ended(2)).Select(c => c.Relay).Order());

        // Nothing is left, and nobody else saw it.
        Assert.NotEqual(0, (await RealProgram.Run("getent", ["hosts", ExecSite.LicenseServer], _site.As())).ExitCode);
        await Deadline.Until(() => _site.Agents().Length == 0, Deadline.Soon, "the agent ends");
        Assert.Empty(_site.LeftBehind);
    }

    [Fact]
    public async Task Without_a_configuration_the_jobs_own_variable_says_what_it_needs()
    {
        var job = await _site.Run(
            _site.As(ExecSite.Nobody, ("LM_LICENSE_FILE", $"27000@{ExecSite.LicenseServer}:/nowhere/license.dat")),
            "--via", $"{EntranceSite.BorderAddress}:8443", "--peer", "border", "--identity", _site.Identity(ExecSite.Nobody), "--",
            "sh", "-c", $"echo $LM_LICENSE_FILE; {JunctionProcess.Binary()} simulate-client --server {ExecSite.LicenseServer}:{ExecSite.LicensePort}");
        Assert.Equal((0, $"27000@{ExecSite.LicenseServer}:/nowhere/license.dat\nheld\nreturned\n", ""), (job.ExitCode, job.Output, job.Error));
        // By the service that has this server for its target.
        Assert.Equal(["service/lmgrd", "service/lmgrd/vendor"], (await _site.Border.Ended(2)).Select(c => c.Relay).Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nine_log_servers_have_one_port(bool configured)
    {
        await _site.StartLogServers();
        var all = Enumerable.Range(1, ExecSite.LogServers).ToList();
        string[] how = configured
            ? ["-c", _site.Config(string.Join(", ", all.Select(i => $$""" "log{{i}}": { "listen": ["127.0.0.0/8:{{ExecSite.LogPort}}"], "target": ["link://border/logs/logserver{{i}}.corp:{{ExecSite.LogPort}}"] } """)))]
            : ["-c", _site.Config(ExecSite.Lmgrd), "--via", "border", .. all.SelectMany(i => new[] { "--reach", $"logserver{i}.corp:{ExecSite.LogPort}" })];
        var job = await _site.Run(_site.As(), [.. how, "--", "sh", "-c", $"for i in {string.Join(' ', all)}; do socat -u TCP:logserver$i.corp:{ExecSite.LogPort} -; done"]);
        Assert.Equal((0, string.Concat(all.Select(i => $"this is logserver{i}\n")), ""), (job.ExitCode, job.Output, job.Error));
        Assert.Equal(all.Select(i => $"logserver{i}.corp:{ExecSite.LogPort}"), (await _site.Border.Ended(ExecSite.LogServers)).Select(c => c.Target));
    }

    [Fact]
    public async Task Users_and_jobs_on_one_node_never_meet()
    {
        int[] users = [ExecSite.Nobody, ExecSite.Daemon, ExecSite.Nobody];
        var jobs = new List<RealProgram>();
        try
        {
            // Each says its address of the license server, and holds a seat.
            foreach (var user in users)
                jobs.Add(_site.Start(_site.As(user), "-c", _site.Config(ExecSite.Lmgrd, user), "--", "sh", "-c", $"getent hosts {ExecSite.LicenseServer}; exec {string.Join(' ', ExecSite.HoldSeat())}"));
            foreach (var job in jobs) await job.Line(l => l == "held", "that its seat is held");
            Assert.Equal(3, await _site.Licenses.Held());
            var addresses = jobs.Select(j => j.Lines[0].Split(' ')[0]).ToList();
            Assert.Equal(3, addresses.Distinct().Count());
            Assert.All(addresses, a => Assert.StartsWith("127.", a, StringComparison.Ordinal));

            // The loopback is everybody's, a user's licenses are not.
            var stranger = await RealProgram.Run(JunctionProcess.Binary(), ["simulate-client", "--server", $"{addresses[0]}:{ExecSite.LicensePort}"], _site.As(ExecSite.Daemon));
            Assert.NotEqual(0, stranger.ExitCode);
            Assert.Equal(3, (await _site.Licenses.Counts()).Checkouts);

            // One that ends takes nothing from the others.
            jobs[0].Send(Signal.Kill);
            Assert.Equal(2, await _site.Licenses.HeldWithin(2, TimeSpan.FromSeconds(2)));
            Assert.All(jobs.Skip(1), j => Assert.False(j.HasExited));
        }
        finally
        {
            foreach (var job in jobs) await job.DisposeAsync();
        }
    }
}
