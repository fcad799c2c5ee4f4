namespace JunctionRelay.Configuration;

/// <summary>Something in the configuration that stops the start.</summary>
/// <param name="Path">The key, as <c>relays.jobs.listen[0]</c>; for a problem of a whole file, the file.</param>
/// <param name="What">What is wrong, with the value; the second half of a sentence that begins with the path.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Where">Who said it: <c>junction.json:7</c>, the environment variable, or the command line; null where nobody did.</param>
internal sealed record ConfigProblem(string Path, string What, string Remedy, string? Where = null)
{
    public override string ToString() => $"{Path}{(Where is null ? "" : $" ({Where})")}: {What}; {Remedy}";
}

/// <summary>What is wrong with a piece of text, wherever it stands, and how to write it instead.</summary>
internal readonly record struct Flaw(string What, string Remedy);
