using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Connections;

/// <summary>Listening sockets that this process was started with, by a service manager or by the process before it. Thread-safe.</summary>
internal sealed class InheritedSockets(IEnumerable<Socket> sockets)
{
    private readonly Lock _lock = new();
    private readonly List<Socket> _sockets = [.. sockets];   // under _lock

    /// <summary>Those that listen where nobody asked for; whoever calls this owns them.</summary>
    public IReadOnlyList<Socket> TakeRest()
    {
        lock (_lock)
        {
            Socket[] rest = [.. _sockets];
            _sockets.Clear();
            return rest;
        }
    }

    /// <summary>One of them listens at this very address.</summary>
    public bool Has(EndPoint endPoint)
    {
        lock (_lock) return _sockets.Exists(s => IsAt(s.LocalEndPoint, endPoint));
    }

    /// <summary>The one that listens at this very address, if there is one; whoever calls this owns it.</summary>
    public Socket? Take(EndPoint endPoint)
    {
        lock (_lock)
        {
            var found = _sockets.FindIndex(s => IsAt(s.LocalEndPoint, endPoint));
            if (found < 0) return null;
            var socket = _sockets[found];
            _sockets.RemoveAt(found);
            return socket;
        }
    }

    private static bool IsAt(EndPoint? its, EndPoint wanted) => (its, wanted) switch
    {
        (UnixDomainSocketEndPoint a, UnixDomainSocketEndPoint b) => a.ToString() == b.ToString(),
        (IPEndPoint a, IPEndPoint b) => a.Port == b.Port && a.Address.Equals(b.Address),
        _ => false,
    };
}
