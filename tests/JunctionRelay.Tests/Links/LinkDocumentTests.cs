using System.Globalization;
using System.Text.RegularExpressions;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Tests.Conventions;

namespace JunctionRelay.Tests.Links;

/// <summary>The numbers of docs/link-protocol.md are those of the code: a stranger implements from the page.</summary>
public sealed partial class LinkDocumentTests
{
    private static readonly string Page = SourceTree.Read("docs/link-protocol.md");

    [Fact]
    public void Every_reason_has_its_number()
    {
        var reasons = Enum.GetValues<CloseReason>().Select(r => string.Create(CultureInfo.InvariantCulture, $"{(int)r} {r.Name()}"));
        Assert.Equal(reasons, Reason().Matches(Page).Select(m => $"{m.Groups["number"]} {m.Groups["name"]}"));
    }

    [Fact]
    public void Every_frame_has_its_type_and_its_longest_payload()
    {
        var documented = Frame().Matches(Page)
            .ToDictionary(m => (LinkFrameType)byte.Parse(m.Groups["type"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture), m => int.Parse(m.Groups["longest"].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
        Assert.Equal(Enum.GetValues<LinkFrameType>(), documented.Keys.Order());
        foreach (var (type, longest) in documented)
        {
            // Right but for the stream id that stream frames need.
            Assert.True(new LinkFrame(type, longest, 0).Violation() is null || new LinkFrame(type, longest, 1).Violation() is null, $"{type} with {longest} bytes");
            Assert.Contains("bytes, not", new LinkFrame(type, longest + 1, 0).Violation(), StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"^\| (?<number>\d{3}) \| `(?<name>[a-z-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Reason();

    [GeneratedRegex(@"^\| 0x(?<type>[0-9A-F]{2}) \| [A-Z-]+ \| .* \| (?<longest>[\d,]+) \|$", RegexOptions.Multiline)]
    private static partial Regex Frame();
}
