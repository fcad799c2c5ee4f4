using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Relay;

/// <summary>An address of the plan could not be listened on.</summary>
internal sealed class ListenException(string key, EndPoint address, SocketException inner) : Exception(
    $"{key}: cannot listen on {SocketDialer.Text(address)}: {inner.Message}{Remedy(address, inner.SocketErrorCode)}", inner)
{
    private static string Remedy(EndPoint address, SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse when address is UnixDomainSocketEndPoint => ". Another process listens there, or it is a file that is no socket",
        SocketError.AddressNotAvailable when address is UnixDomainSocketEndPoint => ". Its directory does not exist",
        SocketError.AddressAlreadyInUse => ". Find who holds it with `ss -tanp` (an outgoing connection may have it, too), or choose another port",
        SocketError.AccessDenied => ". Ports below 1024 need CAP_NET_BIND_SERVICE; a unix socket needs a writable directory",
        SocketError.AddressNotAvailable => ". No interface of this machine has that address",
        _ => "",
    };
}
