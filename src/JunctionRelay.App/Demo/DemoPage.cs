namespace JunctionRelay.App.Demo;

/// <summary>How the demonstration looks: aligned columns, and colours only where a person watches (and <c>NO_COLOR</c>, no-color.org, is not set).</summary>
internal sealed class DemoPage(TextWriter output, bool colors)
{
    private const string Bold = "1", Dim = "2", Green = "32", Red = "31";

    private int _step;

    /// <summary>A page for the console.</summary>
    public static DemoPage ForConsole() => new(
        Console.Out,
        WantsColors(Console.IsOutputRedirected, Environment.GetEnvironmentVariable("NO_COLOR"), Environment.GetEnvironmentVariable("TERM")));

    /// <summary>Whether colours are welcome: not in files and pipes, not where the user or the terminal says no.</summary>
    internal static bool WantsColors(bool redirected, string? noColor, string? terminal) =>
        !redirected && string.IsNullOrEmpty(noColor) && terminal != "dumb";

    public void Title(string text) => Line(In(Bold, text));

    public void Text(string text) => Line(text);

    /// <summary>A place of the picture at the top.</summary>
    public void Place(string name, string address, string role) => Line($"  {In(Bold, name.PadRight(16))} {address,-16} {role}");

    /// <summary>What connects two places.</summary>
    public void Way(string what) => Line(In(Dim, $"      |  {what}"));

    /// <summary>Begins the next step.</summary>
    public void Step(string what)
    {
        Line("");
        Line(In(Bold, $"[{++_step}] {what}"));
    }

    /// <summary>Something that went from one place to another.</summary>
    public void Hop(string from, string to, string what, bool tls = false) =>
        Line($"    {from,-16} {(tls ? "==>" : "-->")} {to,-16} {what}");

    /// <summary>What was claimed, and whether it held; returns the latter.</summary>
    public bool Proof(bool holds, string claim)
    {
        Line($"    {In(holds ? Green : Red, holds ? "ok" : "NO")}  {claim}");
        return holds;
    }

    public void Verdict(bool good, string text)
    {
        Line("");
        Line(In(good ? Green : Red, text));
    }

    private string In(string color, string text) => colors ? $"\e[{color}m{text}\e[0m" : text;

    private void Line(string text) => output.WriteLine(text);
}
