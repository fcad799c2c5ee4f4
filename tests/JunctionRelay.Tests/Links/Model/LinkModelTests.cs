namespace JunctionRelay.Tests.Links.Model;

/// <summary>
/// All states, not samples: the settings are the largest that a build can afford. JUNCTION_MODEL=full adds those that take minutes.
/// </summary>
public sealed class LinkModelTests(ITestOutputHelper output)
{
    private const int MostStates = 8_000_000;

    private static readonly int MostSchedules = Environment.GetEnvironmentVariable("JUNCTION_MODEL") == "full" ? 50_000 : 20_000;

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

    /// <summary>
    /// The model shares only the offsets with the program. So real sessions then follow its schedules: those that come by every state, or every so many of them.
    /// </summary>
    [Theory]
    [MemberData(nameof(Settings))]
    public void No_schedule_of_cuts_and_aborts_loses_doubles_or_strands_anything_and_sessions_follow_them(int streams, int bytes, int cuts, int aborts)
    {
        var model = new LinkModel(streams, bytes, cuts, aborts);
        var search = ModelSearch.Run(model, MostStates);
        Assert.Null(search.Wrong);
        Assert.True(search.States > 1_000, $"only {search.States} states: the model does not move");

        var schedules = search.Schedules().ToList();
        var every = Math.Max(1, schedules.Count / MostSchedules);
        var (followed, whole, steps) = (0, 0, 0L);
        for (var i = 0; i < schedules.Count; i += every, followed++)
        {
            var (length, wrong) = new ModelReplay(model, streams).Run(schedules[i]);
            Assert.True(wrong is null, $"schedule {i}: {wrong}");
            steps += length;
            whole += length == schedules[i].Length ? 1 : 0;
        }

        output.WriteLine($"{search.States} states; {followed} of {schedules.Count} schedules followed, {whole} to their ends, {steps} steps");
        Assert.True(whole > followed / 2, $"only {whole} of {followed} schedules were followed to their ends");
        Assert.True(steps > 10_000, $"only {steps} steps");
    }

    [Theory]
    [InlineData(FrameKind.Open, 0, 0, 0)]
    [InlineData(FrameKind.Data, 1, 0, 0)]
    [InlineData(FrameKind.End, 0, 0, 0)]
    [InlineData(FrameKind.Credit, 0, 0, 0)]
    [InlineData(FrameKind.Reset, 0, 0, 1)]
    [InlineData(FrameKind.Gone, 0, 0, 1)]
    [InlineData(FrameKind.Known, 0, 1, 0)]
    public void Sessions_that_miss_a_frame_are_found(FrameKind lost, int bytes, int cuts, int aborts)
    {
        var model = new LinkModel(1, bytes, cuts, aborts);
        Assert.Contains(ModelSearch.Run(model, MostStates).Schedules(), schedule => new ModelReplay(model, 1, lost).Run(schedule).Wrong is not null);
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
        var search = ModelSearch.Run(new LinkModel(1, bytes, cuts, aborts, bug), MostStates);
        output.WriteLine($"{bug}: {search.Wrong} ({search.States} states)");
        Assert.NotNull(search.Wrong);
        Assert.DoesNotContain("too large", search.Wrong, StringComparison.Ordinal);
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
