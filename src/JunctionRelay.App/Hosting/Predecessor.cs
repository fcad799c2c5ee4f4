using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using JunctionRelay.Routing;

namespace JunctionRelay.App.Hosting;

/// <summary>Nobody's place can be taken, although somebody is there.</summary>
internal sealed class TakeoverException(string message) : Exception(message);

/// <summary>
/// The process whose place this one takes (<c>junction run --takeover</c>): what it hands over before we start, and the word to it once we serve. Until then it serves as if nothing had
/// happened, and goes on doing so if we end.
/// </summary>
internal sealed class Predecessor : IDisposable
{
    /// <summary>For the whole list.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _connection;
    private readonly List<Socket> _sockets = [];
    private readonly List<string> _peers = [];
    private readonly List<LearntVendor> _vendors = [];
    private Socket? _port;

    private Predecessor(Socket connection) => _connection = connection;

    public int Process { get; private set; }

    /// <summary>The sockets that it listens on; whoever uses one owns it.</summary>
    public IReadOnlyList<Socket> Sockets => _sockets;

    /// <summary>Names of junctions that have dialled it, and will soon dial us.</summary>
    public IReadOnlyList<string> Peers => _peers;

    /// <summary>The vendor ports that it has learnt.</summary>
    public IReadOnlyList<LearntVendor> Vendors => _vendors;

    /// <summary>The generations of this junction that still have connections; null where it has no links.</summary>
    public (ulong Oldest, ulong Newest)? Starts { get; private set; }

    /// <summary>Where our own successor will find us; the caller's from then on.</summary>
    public Socket? TakePort() => Interlocked.Exchange(ref _port, null);

    /// <summary>Asks the junction that runs with this configuration for its sockets. Null when none runs.</summary>
    /// <exception cref="TakeoverException">It did not answer, or somebody else's process did.</exception>
    public static Predecessor? Find(string instance)
    {
        if (!TakeoverSocket.IsSupported) throw new TakeoverException("--takeover: only 64-bit Linux can hand listening sockets to another process");
        var connection = TakeoverSocket.New();
        connection.ReceiveTimeout = connection.SendTimeout = (int)Patience.TotalMilliseconds;
        try
        {
            connection.Connect(TakeoverSocket.Of(instance));
        }
        catch (SocketException)
        {
            connection.Dispose();
            return null;
        }

        var found = false;
        Predecessor? predecessor = null;
        try
        {
            if (TakeoverSocket.ProcessOf(connection) is null) throw new TakeoverException("--takeover: the socket of this junction belongs to another user's process; end that process");
            predecessor = new Predecessor(connection);
            predecessor.Receive();
            found = true;
            return predecessor;
        }
        catch (Exception e) when (e is SocketException or JsonException or FormatException)
        {
            throw new TakeoverException($"--takeover: the junction that runs did not hand its sockets over ({e.Message}); is another process about to take its place?");
        }
        finally
        {
            if (!found) (predecessor as IDisposable ?? connection).Dispose();
        }
    }

    /// <summary>We serve: it may close its listeners and drain.</summary>
    public void Ready()
    {
        try
        {
            DescriptorMessages.Send(_connection, TakeoverWords.Ready);
        }
        catch (SocketException)
        {
            // It has ended, and so closed them.
        }
    }

    /// <summary>Ends the conversation; without <see cref="Ready"/> it goes on serving.</summary>
    public void Dispose()
    {
        TakePort()?.Dispose();
        _connection.Dispose();
    }

    private void Receive()
    {
        while (DescriptorMessages.Receive(_connection) is var (text, gift))
        {
            var (word, rest) = TakeoverWords.Split(text);
            switch (word)
            {
                case TakeoverWords.Listening when gift is not null: _sockets.Add(gift); break;
                case TakeoverWords.Port when gift is not null: _port = gift; break;
                case TakeoverWords.Generations: Starts = TakeoverWords.ReadGenerations(rest); break;
                // What the system says of its end is who began to listen there, perhaps its own predecessor.
                case TakeoverWords.Process: Process = int.Parse(rest, NumberStyles.None, CultureInfo.InvariantCulture); break;
                case TakeoverWords.Peer: _peers.Add(rest); break;
                case TakeoverWords.Vendor: _vendors.Add(TakeoverWords.ReadVendor(rest)); break;
                case TakeoverWords.End: return;
                // A later version's.
                default: gift?.Dispose(); break;
            }
        }

        throw new SocketException((int)SocketError.ConnectionReset);
    }
}
