namespace JunctionRelay.Tests.Configuration;

/// <summary>File, <c>conf.d</c>, environment, command line: the later over the earlier.</summary>
public sealed class ConfigLayersTests : IDisposable
{
    private const string OneRelay = """{ "relays": { "a": { "listen": ["127.0.0.1:1"], "target": ["one:1", "two:1"], "balance": "roundRobin" } } }""";
    private readonly ConfigFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_later_layer_wins_and_what_it_does_not_say_stays()
    {
        _folder.Write("junction.json", OneRelay)
            .Write("conf.d/10-first.json", """{ "name": "file", "relays": { "a": { "maxConnections": 1, "connectTimeout": "1s", "lifetime": "1h" } } }""")
            .Write("conf.d/20-second.json", """{ "relays": { "a": { "maxConnections": 2, "connectTimeout": "2s", "idleTimeout": "2m" } } }""");

        var relay = _folder.Config(
            environment: new() { ["JUNCTION_relays__a__connectTimeout"] = "3s", ["JUNCTION_relays__a__idleTimeout"] = "3m" },
            overrides: new() { ["relays:a:idleTimeout"] = "4m" }).Relays!["a"];

        Assert.Equal(("roundRobin", TimeSpan.FromHours(1)), (relay.Balance, relay.Lifetime));
        Assert.Equal(2, relay.MaxConnections);
        Assert.Equal(TimeSpan.FromSeconds(3), relay.ConnectTimeout);
        Assert.Equal(TimeSpan.FromMinutes(4), relay.IdleTimeout);
    }

    [Fact]
    public void A_drop_in_adds_a_relay()
    {
        _folder.Write("junction.json", OneRelay).Write("conf.d/b.json", """{ "relays": { "b": { "listen": "127.0.0.1:2", "target": "lic:1" } } }""");
        Assert.Equal(["a", "b"], _folder.Config().Relays!.Keys.Order());
    }

    [Fact]
    public void A_list_is_replaced_as_a_whole()
    {
        _folder.Write("junction.json", OneRelay).Write("conf.d/b.json", """{ "relays": { "a": { "target": ["three:1"] } } }""");
        Assert.Equal(["three:1"], _folder.Config().Relays!["a"].Target);
        Assert.Equal(["four:1"], _folder.Config(environment: new() { ["JUNCTION_relays__a__target"] = "four:1" }).Relays!["a"].Target);
        Assert.Equal(["five:1", "six:1"], _folder.Config(overrides: new() { ["relays:a:target:0"] = "five:1", ["relays:a:target:1"] = "six:1" }).Relays!["a"].Target);
    }

    [Fact]
    public void A_list_in_the_environment_that_does_not_begin_at_0_is_a_problem() =>
        Assert.Equal(
            ["relays.a.target (JUNCTION_relays__a__target__1): has the elements 1; a list is said as a whole, by 0, 1, 2 and so on"],
            _folder.Write("junction.json", OneRelay).Problems(environment: new() { ["JUNCTION_relays__a__target__1"] = "lic:1" }));

    [Fact]
    public void Null_takes_back_what_an_earlier_layer_said()
    {
        _folder.Write("junction.json", """{ "relays": { "a": { "listen": "127.0.0.1:1", "target": "lic:1", "maxConnections": 5 }, "b": { "listen": 5 } } }""")
            .Write("conf.d/b.json", """{ "relays": { "a": { "maxConnections": null }, "b": null } }""");
        var relays = _folder.Config().Relays!;
        Assert.Equal(["a"], relays.Keys);
        Assert.Null(relays["a"].MaxConnections);
    }

    [Fact]
    public void The_environment_reaches_a_relay_of_the_file_in_capitals()
    {
        _folder.Write("junction.json", OneRelay);
        var relays = _folder.Config(environment: new() { ["JUNCTION_RELAYS__A__MAXCONNECTIONS"] = "7", ["JUNCTION_RELAYS__A__V6ONLY"] = "False" }).Relays!;
        Assert.Equal(["a"], relays.Keys);
        Assert.Equal(7, relays["a"].MaxConnections);
        Assert.False(relays["a"].V6Only);
    }

    [Fact]
    public void The_command_line_alone_is_enough()
    {
        var reading = JunctionRelay.Configuration.ConfigReader.Read(null, new Dictionary<string, string>(),
            new Dictionary<string, string> { ["relays:a:listen"] = "127.0.0.1:1", ["relays:a:target"] = "lic:1" });
        Assert.Empty(reading.Problems);
        Assert.Equal(["lic:1"], reading.Config!.Relays!["a"].Target);
        Assert.Equal(Directory.GetCurrentDirectory(), reading.Home);
    }

    [Fact]
    public void Problems_of_every_layer_are_reported_at_once_and_say_who_said_it() =>
        Assert.Equal(
            [
                "drainTimeout (command line): is 'soon', which is no duration; write a number and its unit: 500ms, 90s, 5m or 12h, at most 1000h",
                "NMAE (JUNCTION_NMAE): is no key that junction knows; did you mean name?",
                "relays.a.connectTimeout (conf.d/x.json:2): is a number; write a duration in quotes: 500ms, 90s, 5m or 12h, at most 1000h",
                "relays.a.listen[0] (junction.json:1): '1' is only a port; write 127.0.0.1:8990 for this machine alone, or *:8990 for every address",
                "relays.a.maxConnections (JUNCTION_relays__a__maxConnections): is 'many'; write a whole number from 1 to 2147483647",
                "relays.a.v6Only (JUNCTION_relays__a__v6Only): is 'yes'; write true or false",
            ],
            _folder.Write("junction.json", """{ "relays": { "a": { "listen": ["1"], "target": ["lic:1"] } } }""")
                .Write("conf.d/x.json", "{ \"relays\": { \"a\": {\n\"connectTimeout\": 5 } } }")
                .Problems(
                    environment: new()
                    {
                        ["JUNCTION_NMAE"] = "x",
                        ["JUNCTION_relays__a__maxConnections"] = "many",
                        ["JUNCTION_relays__a__v6Only"] = "yes",
                    },
                    overrides: new() { ["drainTimeout"] = "soon" }));

    [Fact]
    public void Two_spellings_of_one_variable_are_a_problem() =>
        Assert.Equal(
            ["name (JUNCTION_name): is said twice, first by JUNCTION_NAME; keep one of the two"],
            _folder.Write("junction.json", OneRelay).Problems(environment: new() { ["JUNCTION_name"] = "a", ["JUNCTION_NAME"] = "b" }));

    [Theory]
    [InlineData("JUNCTION_JOIN_TOKEN")]
    [InlineData("JUNCTION_SERVICE_HOST")]
    [InlineData("JUNCTION_SERVICE_PORT")]
    [InlineData("JUNCTION_SERVICE_PORT_LMGRD")]
    [InlineData("JUNCTION_PORT")]
    [InlineData("JUNCTION_PORT_27000_TCP")]
    [InlineData("JUNCTION_PORT_27000_TCP_ADDR")]
    [InlineData("JUNCTION_HQ_SERVICE_HOST")]
    [InlineData("JUNCTION_HQ_PORT_8443_TCP_PROTO")]
    [InlineData("PATH")]
    public void Variables_that_are_not_configuration_are_left_alone(string variable) =>
        Assert.Empty(_folder.Write("junction.json", OneRelay).Problems(environment: new() { [variable] = "tcp://10.0.0.1:27000" }));

    [Theory]
    [InlineData("JUNCTION_DRAIN_TIMEOUT", "DRAIN_TIMEOUT (JUNCTION_DRAIN_TIMEOUT): is no key that junction knows; did you mean drainTimeout?")]
    [InlineData("JUNCTION_", " (JUNCTION_): is no key that junction knows; known here are ")]
    [InlineData("JUNCTION_relays__a__port", "relays.a.port (JUNCTION_relays__a__port): is no key that junction knows; known here are ")]
    public void Other_variables_that_begin_like_ours_are_taken_for_a_mistake(string variable, string problem) =>
        Assert.StartsWith(problem, Assert.Single(_folder.Write("junction.json", OneRelay).Problems(environment: new() { [variable] = "x" })));
}
