using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.App.Demo;

/// <summary>The steps of a checkout, in order.</summary>
internal enum CheckoutStep
{
    /// <summary>Connect to lmgrd and send the hello.</summary>
    DialServer,
    /// <summary>Read where the vendor daemon is.</summary>
    ReadRedirect,
    /// <summary>Connect there and send the hello again.</summary>
    DialVendor,
    /// <summary>Read whether there is a seat.</summary>
    ReadGrant,
}

/// <summary>Whom a simulated client asks, and as whom.</summary>
internal sealed record SimulatedClientOptions
{
    /// <summary>lmgrd: a name or an address, and a port.</summary>
    public required DnsEndPoint Server { get; init; }

    /// <summary>What the client says about itself.</summary>
    public required WireHello Hello { get; init; }

    /// <summary>Dialled for the vendor daemon in place of the host that the redirect names; null: the redirect's, as real clients do.</summary>
    public string? VendorHost { get; init; }

    /// <summary>Dialled in place of the redirect's port; null: the redirect's.</summary>
    public int? VendorPort { get; init; }

    /// <summary>Limit of each step.</summary>
    public TimeSpan StepLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time between heartbeats while the seat is held; null for none. FlexNet's own is 2 minutes.</summary>
    public TimeSpan? HeartbeatEvery { get; init; }

    /// <summary>Sends and receives in pieces of at most so many bytes.</summary>
    public int PieceBytes { get; init; } = int.MaxValue;

    /// <summary>Told when a step is done, with what came of it.</summary>
    public Action<CheckoutStep, string>? StepDone { get; init; }
}

/// <summary>Why a checkout failed, in the words and codes that license administrators know.</summary>
/// <param name="FlexLmError">FlexNet's error code for such a failure, e.g. -15.</param>
internal sealed record CheckoutFailure(CheckoutStep Step, int FlexLmError, string Message);

/// <summary>A held seat, or why there is none.</summary>
internal readonly record struct CheckoutResult(SimulatedSeat? Seat, CheckoutFailure? Failure);

/// <summary>
/// A license client for demonstrations and tests: asks lmgrd, follows its redirect, and holds a seat at the vendor daemon. Plain sockets, so
/// that it judges a relay without sharing its code.
/// </summary>
internal static class SimulatedLicenseClient
{
    // FlexNet's codes for what may go wrong on the way.
    private const int InvalidData = -12;
    private const int NoSuchServer = -14;
    private const int CannotConnect = -15;
    private const int CannotRead = -16;
    private const int VendorNotReached = -96;

    // The longest that a client of ours expects: a redirect with the longest name, and slack for a longer tail.
    private const int MaxReplyBytes = 1024;

    /// <summary>Does one checkout. Failures of the other side are results; only cancellation throws.</summary>
    public static async Task<CheckoutResult> CheckOutAsync(SimulatedClientOptions options, CancellationToken cancellationToken = default)
    {
        var (redirect, failure) = await AskServerAsync(options, cancellationToken);
        return redirect is null ? new(null, failure) : await AskVendorAsync(options, redirect, cancellationToken);
    }

    /// <summary>
    /// Does one checkout from servers that stand in for each other, as the clients of a triad: the first that answers says who the master is, and that one is
    /// asked. The failure of the last is returned when none leads to a seat.
    /// </summary>
    public static async Task<CheckoutResult> CheckOutAsync(SimulatedClientOptions options, IReadOnlyList<DnsEndPoint> servers, CancellationToken cancellationToken = default)
    {
        CheckoutResult result = default;
        foreach (var server in servers)
        {
            var asked = options with { Server = server, Hello = options.Hello with { Vendor = "" } };
            var (answer, failure) = await AskAsync(asked, WireMaster.Read, "answer", cancellationToken);
            if (answer is null)
            {
                result = new(null, failure);
                continue;
            }

            // The master's port is the one that the client's own list has for it.
            result = servers.FirstOrDefault(s => s.Host == answer.Host) is { } known
                ? await CheckOutAsync(options with { Server = known }, cancellationToken)
                : new(null, new(CheckoutStep.ReadRedirect, InvalidData, $"lmgrd {Text(server)} names the master {answer.Host}, which is none of the servers"));
            if (result.Seat is not null) return result;
        }

        return result;
    }

    /// <summary>The first half of a checkout: asks lmgrd where the vendor daemon is.</summary>
    public static async Task<(WireRedirect? Redirect, CheckoutFailure? Failure)> AskServerAsync(
        SimulatedClientOptions options, CancellationToken cancellationToken = default)
    {
        var (redirect, failure) = await AskAsync(options, WireRedirect.Read, "redirect", cancellationToken);
        if (redirect is not null) options.StepDone?.Invoke(CheckoutStep.ReadRedirect, $"{redirect.Host}:{redirect.Port}");
        return (redirect, failure);
    }

    private static async Task<(T? Answer, CheckoutFailure? Failure)> AskAsync<T>(
        SimulatedClientOptions options, MessageReader.Parser<T> parse, string what, CancellationToken cancellationToken) where T : class
    {
        var dialled = await DialAsync(options, options.Server, cancellationToken);
        if (dialled.Socket is not { } socket)
            return (null, new(CheckoutStep.DialServer, dialled.Unresolved ? NoSuchServer : CannotConnect, $"lmgrd {Text(options.Server)}: {dialled.Why}"));

        using (socket)
        {
            options.StepDone?.Invoke(CheckoutStep.DialServer, $"{Plain(socket.LocalEndPoint)} -> {Plain(socket.RemoteEndPoint)}");
            var read = await new MessageReader(socket, MaxReplyBytes, options.PieceBytes)
                .ReadAsync(parse, options.StepLimit, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (read.Message is null)
                return (null, new(CheckoutStep.ReadRedirect, Code(read.End), $"no {what} from lmgrd {Text(options.Server)}: {read.Why}"));
            return (read.Message, null);
        }
    }

    /// <summary>The second half: follows the redirect and asks for a seat.</summary>
    public static async Task<CheckoutResult> AskVendorAsync(
        SimulatedClientOptions options, WireRedirect redirect, CancellationToken cancellationToken = default)
    {
        var vendor = new DnsEndPoint(options.VendorHost ?? redirect.Host, options.VendorPort ?? redirect.Port);
        var dialled = await DialAsync(options, vendor, cancellationToken);
        if (dialled.Socket is not { } socket)
            return new(null, new(CheckoutStep.DialVendor, VendorNotReached, $"vendor daemon {Text(vendor)}: {dialled.Why}"));

        var granted = false;
        try
        {
            options.StepDone?.Invoke(CheckoutStep.DialVendor, $"{Plain(socket.LocalEndPoint)} -> {Plain(socket.RemoteEndPoint)}");
            var reader = new MessageReader(socket, SimulatedFrames.MaxBytes, options.PieceBytes);
            var read = await reader.ReadAsync(WireFrame.Read, options.StepLimit, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (read.Message is null)
                return new(null, new(CheckoutStep.ReadGrant, Code(read.End), $"no answer from vendor daemon {Text(vendor)}: {read.Why}"));
            if (SimulatedFrames.DeniedError(read.Message) is { } error)
                return new(null, new(CheckoutStep.ReadGrant, error, $"vendor daemon {Text(vendor)} has no seat left"));
            if (SimulatedFrames.Number(read.Message, SimulatedFrames.Granted) is not { } number)
                return new(null, new(CheckoutStep.ReadGrant, InvalidData, $"vendor daemon {Text(vendor)} answered with type 0x{read.Message.Type:x4}"));

            options.StepDone?.Invoke(CheckoutStep.ReadGrant, $"seat {number}");
            granted = true;
            return new(new SimulatedSeat(number, socket, reader, options), null);
        }
        finally
        {
            // From here on the seat owns the socket.
            if (!granted)
                socket.Dispose();
        }
    }

    private static async Task<(Socket? Socket, bool Unresolved, string? Why)> DialAsync(
        SimulatedClientOptions options, DnsEndPoint where, CancellationToken cancellationToken)
    {
        var hello = options.Hello.ToBytes();
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(options.StepLimit);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(where, limited.Token);
            for (var sent = 0; sent < hello.Length;)
                sent += await socket.SendAsync(hello.AsMemory(sent, Math.Min(options.PieceBytes, hello.Length - sent)), SocketFlags.None, limited.Token);
            return (socket, false, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            return (null, false, $"no connection within {options.StepLimit.TotalSeconds:0.###} s");
        }
        catch (SocketException e)
        {
            socket.Dispose();
            return (null, e.SocketErrorCode is SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData, e.Message);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static int Code(ConversationEnd end) => end == ConversationEnd.Garbled ? InvalidData : CannotRead;

    // Dual-stack sockets call 127.0.0.1 ::ffff:127.0.0.1; people do not.
    private static EndPoint? Plain(EndPoint? endPoint) =>
        endPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port) : endPoint;

    private static string Text(DnsEndPoint endPoint) =>
        endPoint.Host.Contains(':', StringComparison.Ordinal) ? $"[{endPoint.Host}]:{endPoint.Port}" : $"{endPoint.Host}:{endPoint.Port}";
}
