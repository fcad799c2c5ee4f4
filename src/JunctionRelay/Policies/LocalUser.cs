using System.Net;
using System.Net.Sockets;
using JunctionRelay.Connections;

namespace JunctionRelay.Policies;

/// <summary>
/// A user of this machine, on whose behalf a client connects. What this machine says, and no proof for any other: its root can say what it likes.
/// </summary>
/// <param name="Uid">The numeric id.</param>
/// <param name="Name">The login name, or the number where it has none.</param>
/// <param name="Groups">The names of all its groups, the primary one first; numbers where they have none.</param>
internal sealed record LocalUser(uint Uid, string Name, IReadOnlyList<string> Groups)
{
    /// <summary>
    /// The user at the other end of <paramref name="client"/>, when that is on this machine: by the peer credentials of a unix socket, or by the owner of the
    /// other TCP socket. Null = unknown. May wait for the machine's user database: not for the engine's thread.
    /// </summary>
    public static LocalUser? Of(Connection client, UserDatabase users) => client switch
    {
        { LocalEndPoint: UnixDomainSocketEndPoint } => client.PeerUid is { } uid ? users.Find(uid) : null,
        { RemoteEndPoint: IPEndPoint from, LocalEndPoint: IPEndPoint to } => SocketOwner.Find(from, to) is { } owner ? users.Find(owner) : null,
        _ => null,
    };
}
