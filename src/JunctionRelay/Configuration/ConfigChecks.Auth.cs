namespace JunctionRelay.Configuration;

/// <summary>The rules about who else is asked.</summary>
internal sealed partial class ConfigChecks
{
    private void CheckAuth(string path, AuthConfig? auth, bool isService)
    {
        if (auth is null)
            return;
        if (auth.Exec is { } exec)
            CheckProgram($"{path}.exec", Path.GetFullPath(exec, _home));
        else if ((auth.Worker, auth.Timeout, auth.Concurrency) is not (null, null, null))
            Add(path, "has worker, timeout or concurrency without exec", "name the program: \"exec\": \"/PATH\"");
        if (isService && (auth.Mech ?? auth.Data ?? auth.DataFile) is not null)
            Add(path, "has mech or data, which a peer's junction sends", "put them into auth of the relay at the node, whose job has them");
        if (auth is { Data: not null, DataFile: not null })
            Add($"{path}.dataFile", "stands beside data", "name the file or the text, not both");
        if (auth.DataFile is { } file)
            CheckSecretFile($"{path}.dataFile", file, "the data");
    }

    // What decides who gets in must not be everybody's to change.
    private void CheckProgram(string path, string file)
    {
        if (!File.Exists(file))
        {
            Add(path, $"names {file}, which is no file", "write the path of the program; relative ones are relative to the configuration file");
            return;
        }

        if (OperatingSystem.IsWindows())
            return;
        var mode = File.GetUnixFileMode(file);
        if ((mode & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) == 0)
            Add(path, $"names {file}, which cannot be executed", $"chmod +x {file}");
        else if ((mode & (UnixFileMode.OtherWrite | UnixFileMode.GroupWrite)) != 0)
            Add(path, $"names {file}, which others may write", $"chmod go-w {file}");
    }
}
