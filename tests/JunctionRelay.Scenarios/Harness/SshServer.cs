namespace JunctionRelay.Scenarios.Harness;

/// <summary>A real sshd with keys of its own on a host of a scenario, and what its clients need to get in as root: nothing of this machine's own ssh is read.</summary>
internal sealed class SshServer : IAsyncDisposable
{
    private readonly RealProgram _program;

    private SshServer(RealProgram program, string config, string key) => (_program, Config, Key) = (program, config, key);

    /// <summary>For <c>ssh -F</c>.</summary>
    public string Config { get; }

    /// <summary>The client's private key.</summary>
    public string Key { get; }

    /// <summary>Starts it on every address of the host. <paramref name="clientSettings"/>: further lines of the client's configuration.</summary>
    public static async Task<SshServer> Start(Host host, TemporaryFolder folder, int port, params string[] clientSettings)
    {
        var (hostKey, key) = (folder["ssh-host"], folder["ssh-key"]);
        foreach (var file in new[] { hostKey, key })
            await RealProgram.Succeed("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
        // Where sshd separates its privileges; Debian's unit makes it.
        Directory.CreateDirectory("/run/sshd");
        var config = folder.Write("sshd_config", $"""
            Port {port}
            HostKey {hostKey}
            AuthorizedKeysFile {key}.pub
            StrictModes no
            UsePAM no
            PidFile none
            PermitRootLogin yes
            MaxStartups 100
            """ + "\n");
        var client = folder.Write("ssh_config", $"""
            IdentityFile {key}
            IdentitiesOnly yes
            User root
            BatchMode yes
            StrictHostKeyChecking no
            UserKnownHostsFile /dev/null
            LogLevel ERROR
            {string.Join('\n', clientSettings)}
            """ + "\n");
        var program = RealProgram.Start("/usr/sbin/sshd", ["-D", "-e", "-f", config], new ProgramOptions { Host = host });
        await program.Listening(port);
        return new SshServer(program, client, key);
    }

    public ValueTask DisposeAsync() => _program.DisposeAsync();
}
