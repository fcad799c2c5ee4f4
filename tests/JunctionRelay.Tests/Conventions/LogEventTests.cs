using System.Reflection;
using System.Text.RegularExpressions;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Hosting;
using JunctionRelay.Connections;
using Microsoft.Extensions.Logging;

namespace JunctionRelay.Tests.Conventions;

/// <summary>Event ids and names are contract: operators filter by them.</summary>
public sealed partial class LogEventTests
{
    /// <summary>Who may use which hundred of ids.</summary>
    private static readonly Dictionary<string, int> FirstIds = new()
    {
        ["JunctionRelay.Relay"] = 1000,
        ["JunctionRelay.Targets"] = 1100,
        ["JunctionRelay.App.Hosting"] = 1200,
        ["JunctionRelay.Policies"] = 2000,
        ["JunctionRelay.App.Admin"] = 1300,
        ["JunctionRelay.Links"] = 3000,
        ["JunctionRelay.Pki"] = 4000,
    };

    private static readonly IReadOnlyList<(MethodInfo Method, LoggerMessageAttribute Event)> Events =
    [
        .. from assembly in new[] { typeof(CloseReason).Assembly, typeof(ExitCodes).Assembly }
           from type in assembly.GetTypes()
           from method in type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
           let attribute = method.GetCustomAttribute<LoggerMessageAttribute>()
           where attribute is not null
           select (method, attribute),
    ];

    [Fact]
    public void Ids_and_names_are_unique()
    {
        Assert.NotEmpty(Events);
        Assert.Equal(Events.Count, Events.DistinctBy(e => e.Event.EventId).Count());
        Assert.Equal(Events.Count, Events.DistinctBy(e => e.Event.EventName).Count());
    }

    [Fact]
    public void Ids_are_in_the_range_of_their_area()
    {
        Assert.NotEmpty(Events);
        Assert.All(Events, e =>
        {
            Assert.True(FirstIds.TryGetValue(e.Method.DeclaringType!.Namespace!, out var first), $"{e.Method.DeclaringType} is in no area that has event ids: give it a hundred here");
            Assert.InRange(e.Event.EventId, first, first + 99);
        });
    }

    [Fact]
    public void Names_are_small_words_with_hyphens()
    {
        Assert.NotEmpty(Events);
        Assert.All(Events, e => Assert.Matches(KebabCase(), e.Event.EventName ?? $"{e.Method.Name} has no EventName"));
    }

    [Fact]
    public void No_field_is_called_like_a_key_that_every_json_line_has()
    {
        var fields = Events.SelectMany(e => e.Method.GetParameters().Where(p => p.ParameterType != typeof(LogLevel)).Select(p => p.Name!)).Distinct().ToList();
        Assert.Contains("reason", fields);
        Assert.Empty(fields.Intersect(JsonLog.OwnKeys).Except(["exception"]));
    }

    [Fact]
    public void Every_event_stands_in_the_operators_table_and_no_other_does()
    {
        var documented = DocumentedEvent().Matches(SourceTree.Read("docs/operating.md")).Select(m => $"{m.Groups["id"]} {m.Groups["name"]}");
        Assert.Equal(Events.Select(e => $"{e.Event.EventId} {e.Event.EventName}").Order(StringComparer.Ordinal), documented);
    }

    [GeneratedRegex("^[a-z]+(-[a-z]+)*$")]
    private static partial Regex KebabCase();

    [GeneratedRegex(@"^\| (?<id>\d{4}) \| `(?<name>[a-z-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex DocumentedEvent();
}
