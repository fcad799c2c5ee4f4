namespace JunctionRelay.Scenarios.Harness;

/// <summary>An authority made by <c>junction pki init</c> in a scenario's folder, which lives at the junction <c>hq</c> unless said otherwise.</summary>
internal sealed class SiteAuthority(TemporaryFolder folder)
{
    /// <summary>Where it lives.</summary>
    public string Directory { get; } = folder["pki"];

    public string Trust => Path.Combine(Directory, "ca.crt");

    /// <summary>Makes one.</summary>
    public static Task<SiteAuthority> Init(TemporaryFolder folder, params string[] options) => InitAt("hq", folder, options);

    /// <summary>Makes one that lives at another junction.</summary>
    public static async Task<SiteAuthority> InitAt(string junction, TemporaryFolder folder, params string[] options)
    {
        var pki = new SiteAuthority(folder);
        await pki.Run("pki", ["init", "--junction", junction, .. options]);
        return pki;
    }

    /// <summary>An identity directory, issued by hand.</summary>
    public async Task<string> Issue(string name, params string[] options)
    {
        await Run("pki", ["issue", name, "--out", folder[name], .. options]);
        return folder[name];
    }

    /// <summary>Runs a command of the authority, which must succeed.</summary>
    public Task<string> Run(string command, string[] arguments) =>
        RealProgram.Succeed(JunctionProcess.Binary(), [command, .. arguments, "--directory", Directory]);
}
