using JunctionRelay.Licensing;

namespace JunctionRelay.Configuration;

/// <summary>The rules about the names that nodes look up.</summary>
internal sealed partial class ConfigChecks
{
    // It goes into hosts files.
    private void CheckHostName(string path, string? name)
    {
        if (name is null)
            return;
        if (!LicenseNames.IsHost(name) || LicenseNames.IsAddress(name))
            Add(path, $"is '{name}', which is no host name", "write the name by which clients know the server: lic1.example.com");
        else if (LicenseNames.IsNobody(name))
            Add(path, $"is '{name}', which means every machine itself", "write the name by which clients know the server: lic1.example.com");
    }
}
