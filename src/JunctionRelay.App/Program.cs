using System.CommandLine;
using JunctionRelay.App.Commands;

var root = new RootCommand("junction") { SimulateServerCommand.Create(), SimulateClientCommand.Create() };
return await root.Parse(args).InvokeAsync();
