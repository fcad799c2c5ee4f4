# UNTESTED. Windows: a junction that starts with the machine, as a scheduled task (it is no Windows service; a task needs no more than the program). Run as administrator.
# What differs: no HUP (saving the configuration file reloads it), no TERM (ending the task resets its connections), no takeover, no unix socket modes.
param([string]$Program = "C:\Program Files\junction\junction.exe", [string]$Config = "C:\ProgramData\junction\junction.json")
$ErrorActionPreference = "Stop"
& $Program validate $Config
if ($LASTEXITCODE -ne 0) { throw "$Config has problems" }
$action = New-ScheduledTaskAction -Execute $Program -Argument "run `"$Config`" --log-format json" -WorkingDirectory (Split-Path $Config)
$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit ([TimeSpan]::Zero) -MultipleInstances IgnoreNew
Register-ScheduledTask -TaskName "junction" -Action $action -Trigger (New-ScheduledTaskTrigger -AtStartup) -Settings $settings -User "NT AUTHORITY\LOCAL SERVICE" -Force
Start-ScheduledTask -TaskName "junction"
