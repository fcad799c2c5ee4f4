using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using JunctionRelay.Load.Costs;
using JunctionRelay.Load.Reports;

namespace JunctionRelay.Load;

/// <summary><c>load</c>: one relay (<c>--to</c>, <c>--pid</c>) or several in turn (<c>--relay</c>); exit 1 when anything failed or came back altered.</summary>
internal static class LoadCommand
{
    private const string DefaultCases = "idle1000,push1,push4,pull1,pull4,pp1,pp32,crr1,crr16";

    public static Command Create()
    {
        var to = new Option<IPEndPoint?>("--to") { Description = "HOST:PORT of one relay to load", CustomParser = Arguments.EndPoint };
        var pids = new Option<RelayProcess[]>("--pid")
        {
            Description = "a process of that relay, as PID or LABEL:PID; counted with all its threads and children; may be repeated",
            CustomParser = Processes,
        };
        var relays = new Option<RelayUnderTest[]>("--relay")
        {
            Description = $"several relays, taking turns: {RelayUnderTest.Grammar}; may be repeated",
            CustomParser = Relays,
        };
        var backend = new Option<IPEndPoint?>("--backend")
        {
            Description = "also serve as backend here, on a thread of this process",
            CustomParser = Arguments.EndPoint,
        };
        var cases = new Option<LoadCase[]>("--cases")
        {
            Description = $"what to measure, with commas between: {LoadCase.Grammar} [default: {DefaultCases}]",
            CustomParser = Arguments.Cases,
        };
        var rounds = new Option<int>("--rounds") { Description = "how often; figures are medians", DefaultValueFactory = _ => 1 };
        var window = Time("--window", "how long one measurement takes", 500);
        var prime = Time("--prime", "how long each case runs through each relay once, uncounted, before the first round", 500);
        var warmUp = Time("--warm-up", "how long the same load runs before each measurement, uncounted", 200);
        var hold = Time("--hold", "how long idle connections are held", 1000);
        var json = new Option<string?>("--json") { Description = "write every sample to this file as JSON; '-' = to standard output, instead of the table" };
        var ours = new Option<string>("--ours") { Description = "relays whose name begins so are judged, not rivals", DefaultValueFactory = _ => "junction" };
        var baseline = new Option<string>("--baseline") { Description = "the relay of this name is no rival: the backend itself", DefaultValueFactory = _ => "direct" };
        var quiet = new Option<bool>("--quiet") { Description = "no progress on standard error" };
        var command = new Command("load", "Loads relays, compares every byte, and prints what each round trip, connection and GB cost.")
        {
            to, pids, relays, backend, cases, rounds, prime, warmUp, window, hold, json, ours, baseline, quiet,
        };
        command.Validators.Add(result =>
        {
            var one = result.GetResult(to) is not null;
            var several = result.GetResult(relays) is not null;
            if (one == several)
                result.AddError("load: say which relay: either --to HOST:PORT [--pid PID]..., or --relay SPEC...");
            if (several && result.GetResult(pids) is not null)
                result.AddError("load: --pid goes with --to; with --relay write ,pid=PID behind the relay");
            if (result.GetResult(rounds) is { } count && count.GetValueOrDefault<int>() is < 1 or > 1000)
                result.AddError("--rounds: 1 to 1000");
        });
        command.SetAction(parsed =>
        {
            var chosen = parsed.GetValue(cases) is { Length: > 0 } some ? some : Default();
            List<RelayUnderTest> underTest = parsed.GetValue(to) is { } endPoint
                ? [new RelayUnderTest("relay", endPoint.ToString(), endPoint, parsed.GetValue(pids) ?? [], chosen)]
                : [.. parsed.GetRequiredValue(relays).Select(relay => relay.Cases.Count > 0 ? relay : relay with { Cases = chosen })];
            var plan = new MeasurementPlan(parsed.GetValue(rounds), parsed.GetValue(prime), parsed.GetValue(warmUp),
                parsed.GetValue(window), parsed.GetValue(hold));
            if (parsed.GetValue(backend) is { } at)
                Serve(at);
            Action<string> progress = parsed.GetValue(quiet) ? _ => { } : Console.Error.WriteLine;
            var samples = new Measurement(plan, underTest, progress).Run();
            Report(samples, plan, parsed.GetValue(json), parsed.GetRequiredValue(ours), parsed.GetRequiredValue(baseline));
            return samples.Exists(sample => sample.Failed > 0) ? 1 : 0;
        });
        return command;

        Option<TimeSpan> Time(string name, string description, int milliseconds) => new(name)
        {
            Description = description,
            DefaultValueFactory = _ => TimeSpan.FromMilliseconds(milliseconds),
            CustomParser = Arguments.Duration,
        };
    }

    private static void Serve(IPEndPoint at)
    {
        var backend = new Backend();   // lives as long as the process
        backend.Listen(at);
        new Thread(backend.Run) { IsBackground = true, Name = "backend" }.Start();
    }

    private static void Report(List<Sample> samples, MeasurementPlan plan, string? json, string ours, string baseline)
    {
        if (json is "-")
        {
            using var output = Console.OpenStandardOutput();
            ResultJson.Write(output, samples, plan);
            return;
        }
        Console.Write(new ResultTable(samples, ours, baseline).Write());
        if (json is null)
            return;
        using var file = File.Create(json);
        ResultJson.Write(file, samples, plan);
    }

    private static RelayProcess[] Processes(ArgumentResult result)
    {
        List<RelayProcess> processes = [];
        foreach (var token in result.Tokens)
        {
            if (RelayUnderTest.TryParseProcess(token.Value, out var process))
                processes.Add(process);
            else
                result.AddError($"--pid {token.Value}: not PID or LABEL:PID of a running process");
        }
        return [.. processes];
    }

    private static RelayUnderTest[] Relays(ArgumentResult result)
    {
        List<RelayUnderTest> relays = [];
        foreach (var token in result.Tokens)
        {
            if (RelayUnderTest.TryParse(token.Value, out var relay, out var problem))
                relays.Add(relay);
            else
                result.AddError($"--relay: {problem}");
        }
        return [.. relays];
    }

    private static LoadCase[] Default() => [.. DefaultCases.Split(',').Select(word => LoadCase.TryParse(word, out var one) ? one! : throw new LoadException(word))];
}
