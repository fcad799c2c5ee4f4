using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace JunctionRelay.Load;

/// <summary>How the words of the command line become values; what does not fit is one message, not an exception.</summary>
internal static class Arguments
{
    public static IPEndPoint[] EndPoints(ArgumentResult result) => [.. result.Tokens.Select(token => EndPoint(result, token.Value))];

    public static IPEndPoint EndPoint(ArgumentResult result) => EndPoint(result, result.Tokens[^1].Value);

    /// <summary><c>500ms</c>, <c>2s</c>, <c>1m</c>: the units of the product's own configuration.</summary>
    public static TimeSpan Duration(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        var number = text.TrimEnd('m', 's');
        var unit = text[number.Length..] switch { "ms" => 0.001, "s" => 1.0, "m" => 60.0, _ => 0.0 };
        if (unit > 0 && double.TryParse(number, CultureInfo.InvariantCulture, out var value) && value * unit is > 0 and < 86_400)
            return TimeSpan.FromSeconds(value * unit);
        result.AddError($"'{text}' is not a duration: write 500ms, 2s or 1m");
        return default;
    }

    public static LoadCase[] Cases(ArgumentResult result)
    {
        List<LoadCase> cases = [];
        foreach (var word in result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries)))
        {
            if (LoadCase.TryParse(word, out var one))
                cases.Add(one!);
            else
                result.AddError($"'{word}' is no case: {LoadCase.Grammar}");
        }
        return [.. cases];
    }

    private static IPEndPoint EndPoint(ArgumentResult result, string text)
    {
        if (RelayUnderTest.TryParseEndPoint(text, out var endPoint, out var problem))
            return endPoint;
        result.AddError(problem);
        return new IPEndPoint(0, 0);
    }
}
