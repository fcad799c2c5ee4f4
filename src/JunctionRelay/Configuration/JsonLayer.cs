using System.Text;
using System.Text.Json;

namespace JunctionRelay.Configuration;

/// <summary>
/// Reads one JSON file into a <see cref="ConfigLayer"/>. The framework's own JSON source stops at the first problem, does not say on which
/// line a key stands, and lets <c>"a:b"</c> pass for two levels.
/// </summary>
internal sealed class JsonLayer
{
    private static readonly JsonReaderOptions Options = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private readonly string _file;
    private readonly byte[] _text;
    private readonly List<ConfigProblem> _problems;
    private readonly ConfigLayer _layer = new();
    private long _counted;
    private int _line = 1;

    private JsonLayer(string file, byte[] text, List<ConfigProblem> problems) => (_file, _text, _problems) = (file, text, problems);

    /// <summary>The layer, or null when the file as a whole cannot be used.</summary>
    public static ConfigLayer? Read(string file, List<ConfigProblem> problems)
    {
        if (ReadText(file, out var flaw) is not { } text)
        {
            problems.Add(new ConfigProblem(file, flaw.What, flaw.Remedy));
            return null;
        }

        return new JsonLayer(file, text.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? text[Encoding.UTF8.Preamble.Length..] : text, problems).Parse();
    }

    private static byte[]? ReadText(string path, out Flaw flaw)
    {
        flaw = default;
        try
        {
            if (Directory.Exists(path))
                flaw = new Flaw("is a directory", $"name the file in it, e.g. {Path.Combine(path, "junction.json")}");
            else if (!File.Exists(path))
                flaw = new Flaw("does not exist", "create it, or name another with --config; docs/examples has one for each topology");
            else
                return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            flaw = Unreadable(e);
        }

        return null;
    }

    /// <summary>What to say of any file that exists and cannot be read.</summary>
    public static Flaw Unreadable(Exception reason) =>
        new($"cannot be read ({reason.Message.TrimEnd('.')})", "let the user that runs junction read it");

    private ConfigLayer? Parse()
    {
        var reader = new Utf8JsonReader(_text, Options);
        try
        {
            if (IsBlank())
                return Fail(_file, "is empty", "the smallest configuration is { \"relays\": { \"NAME\": { \"listen\": [\"HOST:PORT\"], \"target\": [\"HOST:PORT\"] } } }");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                return Fail(_file, $"is {KindOf(reader.TokenType).InWords()}", "a configuration is one object, { … }");
            Members(ref reader, ConfigPath.Root);
            reader.Read();
            return _layer;
        }
        catch (JsonException e)
        {
            var message = e.Message.Split(" LineNumber:")[0].TrimEnd('.');
            return Fail($"{_file}:{e.LineNumber + 1}:{e.BytePositionInLine + 1}", $"is no JSON ({message})", "mend it there or just before");
        }
        catch (InvalidOperationException)
        {
            // A text that is no UTF-8, or escapes half a character (\ud800): the reader finds that out only when asked for it.
            return Fail($"{_file}:{Line(reader.TokenStartIndex)}", "is no JSON (a text holds bytes that are no characters)", "save the file as UTF-8");
        }
    }

    private void Members(ref Utf8JsonReader reader, ConfigPath path)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = reader.GetString()!;
            var member = path.Member(name);
            var where = $"{_file}:{Line(reader.TokenStartIndex)}";
            reader.Read();
            if (name.Length == 0 || name.Contains(':'))
                Skip(ref reader, member, "is no possible key", "keys are not empty and have no colon", where);
            else if (_layer.OriginOf(member.Key) is { } earlier)
                Skip(ref reader, member, $"is said twice, first in {earlier.Where}", "keep one of the two", where);
            else
                Value(ref reader, member, where);
        }
    }

    private void Elements(ref Utf8JsonReader reader, ConfigPath path)
    {
        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
            Value(ref reader, path.Element($"{i}"), $"{_file}:{Line(reader.TokenStartIndex)}");
    }

    private void Value(ref Utf8JsonReader reader, ConfigPath path, string where)
    {
        var kind = KindOf(reader.TokenType);
        _layer.Say(path.Key, kind switch
        {
            JsonValueKind.String => reader.GetString(),
            JsonValueKind.Number => Encoding.UTF8.GetString(reader.ValueSpan),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => null,
        }, kind, where);
        if (kind == JsonValueKind.Object)
            Members(ref reader, path);
        else if (kind == JsonValueKind.Array)
            Elements(ref reader, path);
    }

    private void Skip(ref Utf8JsonReader reader, ConfigPath path, string what, string remedy, string where)
    {
        _problems.Add(new ConfigProblem(path.Shown, what, remedy, where));
        reader.Skip();
    }

    // Tokens come in order, so that each stretch of text is counted once.
    private int Line(long position)
    {
        _line += _text.AsSpan((int)_counted, (int)(position - _counted)).Count((byte)'\n');
        _counted = position;
        return _line;
    }

    // Nothing, or nothing but comments: as the final block the reader would call it an error at its last byte.
    private bool IsBlank()
    {
        var reader = new Utf8JsonReader(_text, isFinalBlock: false, new JsonReaderState(Options));
        return !reader.Read() && reader.BytesConsumed == _text.Length;
    }

    private static JsonValueKind KindOf(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => JsonValueKind.Object,
        JsonTokenType.StartArray => JsonValueKind.Array,
        JsonTokenType.String => JsonValueKind.String,
        JsonTokenType.Number => JsonValueKind.Number,
        JsonTokenType.True => JsonValueKind.True,
        JsonTokenType.False => JsonValueKind.False,
        _ => JsonValueKind.Null,
    };

    private ConfigLayer? Fail(string path, string what, string remedy)
    {
        _problems.Add(new ConfigProblem(path, what, remedy));
        return null;
    }
}
