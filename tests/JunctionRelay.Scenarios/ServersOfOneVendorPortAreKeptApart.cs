using JunctionRelay.Scenarios.Harness;

namespace JunctionRelay.Scenarios;

/// <summary>Several license servers behind one junction, each at an address of its own there: the same vendor port twice, and the three servers of a triad.</summary>
public sealed class ServersOfOneVendorPortAreKeptApart
{
    private const int VendorPort = 41200;

    [Fact]
    public async Task Two_servers_with_the_same_vendor_port_each_keep_their_seats()
    {
        await using var site = await LicenseSite.Lay(servers: 2);
        await using var one = await site.Serve(0, VendorPort, seats: 10);
        await using var two = await site.Serve(1, VendorPort, seats: 10);
        await site.Open();
        await using var ofOne = site.Client([0], 3);
        await using var ofTwo = site.Client([1], 5);
        await ofOne.Line(l => l == "held", "that its seats are held", Deadline.Start);
        await ofTwo.Line(l => l == "held", "that its seats are held", Deadline.Start);
        Assert.Equal((3, 5), (await one.Held(), await two.Held()));

        ofOne.Input.Close();
        Assert.Contains("returned", (await ofOne.Exit(Deadline.Start)).Output, StringComparison.Ordinal);
        Assert.Equal((0, 5), (await one.HeldWithin(0, Deadline.Soon), await two.Held()));
        Assert.False(ofTwo.HasExited);
    }

    [Fact]
    public async Task A_triad_serves_with_one_member_down_and_then_with_another_master()
    {
        await using var site = await LicenseSite.Lay(servers: 3);
        var master = LicenseSite.Name(0);
        var one = await site.Serve(0, VendorPort, seats: 10, master);
        await using var two = await site.Serve(1, VendorPort, seats: 10, master);
        var three = await site.Serve(2, VendorPort, seats: 10, master);
        await site.Open();
        int[] triad = [0, 1, 2];

        // Whoever asks any of them is sent to the master, by its name.
        await using var backwards = site.Client([2, 1, 0]);
        await backwards.Line(l => l == "held", "that its seat is held", Deadline.Start);
        Assert.Equal((1, 0, 0), (await one.Held(), await two.Held(), await three.Held()));

        await three.DisposeAsync();
        await using var withOneDown = site.Client([2, 1, 0]);
        await withOneDown.Line(l => l == "held", "that its seat is held although the server that it asks first is down", Deadline.Start);
        Assert.Equal((2, 0), (await one.Held(), await two.Held()));

        // The third is back, and the master goes: the others agree on a new one.
        await using var again = await site.Serve(2, VendorPort, seats: 10, LicenseSite.Name(1));
        await one.DisposeAsync();
        await two.NameMaster(LicenseSite.Name(1));
        Assert.Contains("lost", (await withOneDown.Exit(Deadline.Start)).Output, StringComparison.Ordinal);
        await using var withAnotherMaster = site.Client(triad);
        await withAnotherMaster.Line(l => l == "held", "that its seat is held at the new master", Deadline.Start);
        Assert.Equal((1, 0), (await two.Held(), await again.Held()));
    }
}
