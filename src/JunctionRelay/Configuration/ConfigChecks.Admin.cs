using System.Net;

namespace JunctionRelay.Configuration;

/// <summary>The rules about the admin endpoint and the audit.</summary>
internal sealed partial class ConfigChecks
{
    private const string AdminExample = "write 127.0.0.1:9180, or unix:/run/junction/admin.sock";

    private void CheckAdmin()
    {
        if (_config.Admin is not { } admin)
            return;
        if (IsAbsent(admin.Listen, "admin.listen"))
            Add("admin.listen", "is missing", AdminExample);
        if (admin.TokenFile is { } file)
            CheckToken(Path.GetFullPath(file, _home));
        if (admin.Listen is not { } text)
            return;
        if (ListenAddress.Read(text, out var flaw) is not { } address)
            Add("admin.listen", flaw.What, flaw.Remedy);
        else if (address is not { Scheme: "" or "tls", Count: 1 } || (address.UnixPath is not null && address.IsTls))
            Add("admin.listen", $"is '{text}'", $"{AdminExample}; tls://HOST:PORT for other machines");
        else
            CheckAdminAddress(admin, WithFullPath(address));
    }

    private void CheckAdminAddress(AdminConfig admin, ListenAddress address)
    {
        _listeners.Add(("admin.listen", address, false));
        var files = TlsFiles.OfAdmin(admin.Tls, _identity, _home);
        var proves = address.IsTls && files.Trust is not null && admin.Tls?.ClientCertificate != "none";
        if (address.IsTls && IsAbsent(files.Certificate, "admin.tls.certificate") && !_bound.IsUnclear("identity.certificate") && !_bound.IsUnclear("identity.directory"))
            Add("admin.tls.certificate", "is missing, and tls:// needs one", "add it here, or add identity.certificate");
        if (!address.IsTls && admin.Tls is not null)
            Add("admin.tls", "has no effect: admin.listen does not begin with tls://", "write tls:// before it, or leave it out");
        if (admin.Tls is { Key: not null } && IsAbsent(admin.Tls.Certificate, "admin.tls.certificate"))
            Add("admin.tls.key", "has no certificate", "add admin.tls.certificate");
        if (admin.Tls?.ServerName is not null)
            Add("admin.tls.serverName", "has no effect", "it is for targets: leave it out");
        if (address.IsTls && !proves && (admin.Tls?.ClientCertificate == "require" || admin.Tls?.AllowNames is not null) && !_bound.IsUnclear("identity.trust"))
            Add("admin.tls", "asks for certificates, and nobody is trusted", "add admin.tls.trust, and leave clientCertificate at require");
        if (admin.Tls?.AllowNames is { Count: 0 })
            Add("admin.tls.allowNames", "is an empty list, so that nobody may ask", "list who may, or leave it out");
        if (address is { UnixPath: null } && !(address.Address is { } ip && IPAddress.IsLoopback(ip)) && !proves && IsAbsent(admin.TokenFile, "admin.tokenFile"))
            Add("admin.listen", $"is '{admin.Listen}', where other machines may ask without proving who they are", "add admin.tokenFile, or write tls:// and name a trust; or listen on 127.0.0.1");
        _certificates.Check(files);
    }

    private void CheckAudit()
    {
        if (_config.AuditFile(_home) is not { } file || file == JunctionConfig.AuditToOutput)
            return;
        try
        {
            if (!Directory.Exists(Path.GetDirectoryName(file)))
                Add("audit", $"is in {Path.GetDirectoryName(file)}, which does not exist", "make that directory, writable for the user that runs the junction");
            else if (File.Exists(file))
                new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Add("audit", $"{file} cannot be written: {e.Message}", "name a file that the user that runs the junction may write, or stdout");
        }
    }

    private void CheckToken(string file)
    {
        try
        {
            if (!File.Exists(file))
                Add("admin.tokenFile", $"{file} does not exist", $"make it: (umask 077; openssl rand -hex 32 > {file})");
            else if (new FileInfo(file).Length > AdminPlan.LongestToken || AdminPlan.TokenIn(File.ReadAllText(file)) is null)
                Add("admin.tokenFile", $"{file} holds no token", $"a token is one line of at least {AdminPlan.ShortestToken} characters without spaces: openssl rand -hex 32");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var flaw = JsonLayer.Unreadable(e);
            Add("admin.tokenFile", $"{file} {flaw.What}", flaw.Remedy);
        }
    }
}
