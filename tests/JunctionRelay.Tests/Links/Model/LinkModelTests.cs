namespace JunctionRelay.Tests.Links.Model;

/// <summary>
/// All states, not samples: the settings are the largest that a build can afford. JUNCTION_MODEL=full adds those that take minutes.
/// </summary>
public sealed class LinkModelTests(ITestOutputHelper output)
{
    private const int MostStates = 8_000_000;

    public static TheoryData<int, int, int, int> Settings
    {
        get
        {
            // streams, bytes each way, cuts, aborts
            var settings = new TheoryData<int, int, int, int> { { 1, 1, 1, 1 }, { 1, 2, 1, 0 }, { 2, 0, 0, 1 } };
            if (Environment.GetEnvironmentVariable("JUNCTION_MODEL") == "full")
            {
                settings.Add(1, 1, 3, 0);
                settings.Add(1, 1, 2, 1);
                settings.Add(1, 2, 2, 0);
                settings.Add(1, 2, 0, 2);
                settings.Add(2, 0, 1, 0);
            }

            return settings;
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void No_schedule_of_cuts_and_aborts_loses_doubles_or_strands_anything(int streams, int bytes, int cuts, int aborts)
    {
        var (states, wrong) = ModelSearch.Run(new LinkModel(streams, bytes, cuts, aborts), MostStates);
        output.WriteLine($"{states} states");
        Assert.Null(wrong);
        Assert.True(states > 1_000, $"only {states} states: the model does not move");
    }

    [Theory]
    [InlineData(PlantedBug.ResumesFromDelivered, 1, 1, 0)]
    [InlineData(PlantedBug.StatesBeforeItStops, 1, 1, 0)]
    [InlineData(PlantedBug.SettlesOnReceived, 1, 0, 1)]
    [InlineData(PlantedBug.ForgetsBeforeTelling, 1, 0, 0)]
    [InlineData(PlantedBug.OpensTwice, 1, 1, 0)]
    [InlineData(PlantedBug.CreditsReceived, 2, 0, 0)]
    [InlineData(PlantedBug.LosesCredit, 2, 1, 0)]
    [InlineData(PlantedBug.LosesReset, 0, 1, 1)]
    [InlineData(PlantedBug.NeverGone, 0, 0, 1)]
    [InlineData(PlantedBug.OmitsResetStreams, 0, 1, 1)]
    [InlineData(PlantedBug.TakesLostOpenForSettled, 0, 1, 0)]
    [InlineData(PlantedBug.SendsBeforeKnown, 1, 1, 0)]
    [InlineData(PlantedBug.LosesEnd, 0, 1, 0)]
    public void A_broken_rule_is_found(PlantedBug bug, int bytes, int cuts, int aborts)
    {
        var (states, wrong) = ModelSearch.Run(new LinkModel(1, bytes, cuts, aborts, bug), MostStates);
        output.WriteLine($"{bug}: {wrong} ({states} states)");
        Assert.NotNull(wrong);
        Assert.DoesNotContain("too large", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_planted_bug_is_searched_for()
    {
        var searched = typeof(LinkModelTests).GetMethod(nameof(A_broken_rule_is_found))!
            .GetCustomAttributes(typeof(InlineDataAttribute), false)
            .Select(row => (PlantedBug)((InlineDataAttribute)row).Data[0]!);
        Assert.Equal(Enum.GetValues<PlantedBug>().Where(b => b != PlantedBug.None).Order(), searched.Order());
    }
}
