using System.Globalization;
using System.Text.Json;
using JunctionRelay.Files;

namespace JunctionRelay.Pki;

/// <summary>
/// The tokens of an authority: a file for what each allows, and one to which its uses are appended, a line each. A use that is on the disk is spent, whatever
/// happens next; half a line, left by a crash, is none. Changes only with the lock of the <see cref="PkiDirectory"/>.
/// </summary>
internal sealed class TokenStore(string directory)
{
    private const int IdCharacters = 16;

    /// <summary>What is known of a token; null when there is none of this id.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public TokenRecord? Read(string id)
    {
        if (id.Length != IdCharacters || !id.All(char.IsAsciiHexDigitLower) || !File.Exists(FileOf(id)))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(FileOf(id)), PkiJson.Default.TokenRecord);
        }
        catch (JsonException e)
        {
            throw new IOException($"{FileOf(id)} cannot be read: {e.Message}", e);
        }
    }

    public void Write(TokenRecord token)
    {
        AtomicFile.MakeDirectory(directory, AtomicFile.SecretDirectory);
        // The uses first: a crash between its making and a sync of the directory must not lose what was spent.
        if (!File.Exists(UsesOf(token.Id)))
            AtomicFile.Write(UsesOf(token.Id), [], AtomicFile.Secret);
        AtomicFile.Write(FileOf(token.Id), JsonSerializer.SerializeToUtf8Bytes(token, PkiJson.Default.TokenRecord), AtomicFile.Secret);
    }

    /// <summary>All tokens, the newest first.</summary>
    public IReadOnlyList<TokenRecord> All() => !Directory.Exists(directory) ? [] :
        [.. Directory.EnumerateFiles(directory, "*.json").Select(f => Read(Path.GetFileNameWithoutExtension(f))).OfType<TokenRecord>().OrderByDescending(t => t.Created)];

    /// <summary>Who has joined with it.</summary>
    public IReadOnlyList<TokenUse> Uses(string id)
    {
        var file = UsesOf(id);
        if (!File.Exists(file))
            return [];
        var uses = new List<TokenUse>();
        foreach (var line in File.ReadLines(file))
        {
            if (line.Split(' ') is [var key, var name, var at, var from, "."]
                && DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
                uses.Add(new TokenUse(key, name, time, from == "-" ? null : from));
        }

        return uses;
    }

    /// <summary>Takes down one more use; it is on the disk when this returns.</summary>
    public void Spend(string id, TokenUse use)
    {
        using var file = new FileStream(UsesOf(id), AtomicFile.Options(FileMode.Append, AtomicFile.Secret));
        // The line break comes first as well: what a crash left of the line before must not become the beginning of this one. The dot shows that the line is whole.
        var line = string.Create(CultureInfo.InvariantCulture, $"\n{use.Key} {use.Name} {use.At.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} {use.From ?? "-"} .\n");
        file.Write(System.Text.Encoding.ASCII.GetBytes(line));
        file.Flush(flushToDisk: true);
    }

    private string FileOf(string id) => Path.Combine(directory, $"{id}.json");

    private string UsesOf(string id) => Path.Combine(directory, $"{id}.used");
}
