using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using JunctionRelay.App.Hosting;

namespace JunctionRelay.App.Ssh;

/// <summary>
/// Which instance a forward is to the junctions that it dials. The process that does what another did before it, and alone, is that one's restart: they end the other's ghosts
/// at once. While the other lives it is another instance, and what both want the first one keeps.
/// </summary>
internal sealed class ForwardInstance : IDisposable
{
    private readonly Socket? _held;

    private ForwardInstance(string name, Socket? held) => (Name, _held) = (name, held);

    /// <summary>What tells it from others of this machine.</summary>
    public string Name { get; }

    /// <summary>Takes the place of what does <paramref name="what"/>, until this is disposed or the process is gone in whatever way; another place where it is taken.</summary>
    public static ForwardInstance Take(string what)
    {
        // Only Linux has a name that is free again the moment its holder is killed.
        if (OperatingSystem.IsLinux())
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{OwnUser.Name}\n{what}")));
            var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            try
            {
                socket.Bind(new UnixDomainSocketEndPoint($"\0junction-forward-{hash}"));
                return new ForwardInstance($"forward {what}", socket);
            }
            catch (SocketException)
            {
                socket.Dispose();
            }
        }

        return Other();
    }

    /// <summary>One that is nobody's restart.</summary>
    public static ForwardInstance Other() => new($"forward {Guid.NewGuid():N}", null);

    public void Dispose() => _held?.Dispose();
}
