using System.Net;
using System.Net.Sockets;
using JunctionRelay.App.Checks;

namespace JunctionRelay.Tests.Checks;

/// <summary>What a port that can, or cannot, be bound tells of the junction that is to be there.</summary>
public sealed class ListenLookTests
{
    [Fact]
    public void A_port_that_somebody_has_is_taken_and_one_that_nobody_has_is_not()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        var address = (IPEndPoint)socket.LocalEndPoint!;
        var (isTaken, step) = Look(t => ListenLook.IsTaken([address], t));
        Assert.True(isTaken);
        Assert.Equal((CheckVerdict.Ok, $"{address} is taken, by a junction as it seems"), (step.Verdict, step.Text));
        socket.Dispose();
        (isTaken, step) = Look(t => ListenLook.IsTaken([address], t));
        Assert.False(isTaken);
        Assert.Contains("nobody listens", step.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SocketError.AddressAlreadyInUse, true, "Ok", "as it seems")]
    [InlineData(SocketError.AccessDenied, true, "Skipped", "without the right")]
    [InlineData(SocketError.NoBufferSpaceAvailable, true, "Skipped", "cannot be told")]
    [InlineData(SocketError.AddressNotAvailable, false, "Failed", "no address of this machine")]
    [InlineData(SocketError.Success, false, "Failed", "nobody listens")]
    public void Only_what_is_known_is_said(SocketError error, bool isTaken, string verdict, string words)
    {
        var (judged, step) = Look(t => ListenLook.Judge([(new IPEndPoint(IPAddress.Loopback, 443), error)], t));
        Assert.Equal((isTaken, verdict), (judged, step.Verdict.ToString()));
        Assert.Contains("127.0.0.1:443", step.Text, StringComparison.Ordinal);
        Assert.Contains(words, step.Text, StringComparison.Ordinal);
    }

    private static (bool IsTaken, CheckStep Step) Look(Func<CheckTrail, bool> look)
    {
        var trail = new CheckTrail("lmgrd");
        return (look(trail), Assert.Single(trail.Steps));
    }
}
