using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>Who reads the environment lines.</summary>
internal enum Shell
{
    Sh,
}

/// <summary>Environment variables in the words of a shell or scheduler.</summary>
internal static class EnvironmentScript
{
    public static string Write(IReadOnlyList<LicenseVariable> variables, Shell shell)
    {
        var text = new StringBuilder();
        foreach (var variable in variables)
            text.Append($"export {variable.Name}='{string.Join(':', variable.Entries)}'\n");
        return text.ToString();
    }
}
