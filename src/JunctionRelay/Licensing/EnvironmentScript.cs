using System.Text;

namespace JunctionRelay.Licensing;

/// <summary>Who reads the environment lines.</summary>
internal enum Shell
{
    /// <summary>sh, bash, ksh, zsh.</summary>
    Sh,
    /// <summary>csh, tcsh.</summary>
    Csh,
    PowerShell,
    /// <summary>Windows' own.</summary>
    Cmd,
    /// <summary>Slurm's TaskProlog, whose output becomes the task's environment.</summary>
    Slurm,
    /// <summary>nextflow.config.</summary>
    Nextflow,
    /// <summary>A ConfigMap, for <c>envFrom</c>.</summary>
    Kubernetes,
}

/// <summary>
/// Environment variables in the words of a shell, scheduler or orchestrator. Entries are joined by what separates paths on the system that reads them:
/// <c>:</c>, on Windows <c>;</c>. Names and entries are of letters that none of them takes for anything else (<see cref="LicenseNames"/>).
/// </summary>
internal static class EnvironmentScript
{
    public static string Write(IReadOnlyList<LicenseVariable> variables, Shell shell)
    {
        var (head, line, tail) = Words(shell);
        var text = new StringBuilder(head);
        foreach (var variable in variables)
            text.Append(line(variable)).Append('\n');
        return text.Append(tail).ToString();
    }

    private static (string Head, Func<LicenseVariable, string> Line, string Tail) Words(Shell shell) => shell switch
    {
        // eval `…` makes one line of them.
        Shell.Csh => ("", v => $"setenv {v.Name} '{Unix(v)}';", ""),
        // PowerShell runs on both kinds of systems.
        Shell.PowerShell => ("", v => $"$env:{v.Name} = {string.Join(", ", v.Entries.Select(e => $"'{e}'"))}{(v.Entries.Count > 1 ? " -join [IO.Path]::PathSeparator" : "")}", ""),
        Shell.Cmd => ("", v => $"set \"{v.Name}={string.Join(';', v.Entries)}\"", ""),
        Shell.Slurm => ("#!/bin/sh\n# TaskProlog in slurm.conf: what this prints becomes the environment of the task.\n", v => $"echo 'export {v.Name}={Unix(v)}'", ""),
        Shell.Nextflow => ("env {\n", v => $"  {v.Name} = '{Unix(v)}'", "}\n"),
        Shell.Kubernetes => ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: license-environment\ndata:\n", v => $"  {v.Name}: \"{Unix(v)}\"", ""),
        _ => ("", v => $"export {v.Name}='{Unix(v)}'", ""),
    };

    private static string Unix(LicenseVariable variable) => string.Join(':', variable.Entries);
}
