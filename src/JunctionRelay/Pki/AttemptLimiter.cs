using System.Net;
using System.Net.Sockets;

namespace JunctionRelay.Pki;

/// <summary>
/// Slows down whoever is refused again and again: of each address so many failures are free, and then one every few seconds. Success costs nothing, so a
/// thousand nodes behind one address may join at once. Thread-safe; holds a bounded number of addresses.
/// </summary>
internal sealed class AttemptLimiter(TimeProvider time)
{
    public const int Burst = 10;
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(6);

    // What passes between the first and the last of a burst takes a little off.
    private const double Free = Burst - 1;

    private const int MostAddresses = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, (double Failures, long At)> _addresses = [];   // under _lock

    /// <summary>How long this address has to wait; zero when it need not.</summary>
    public TimeSpan Wait(IPAddress? address)
    {
        if (address is null)
            return TimeSpan.Zero;
        lock (_lock)
        {
            var failures = _addresses.TryGetValue(Network(address), out var known) ? Left(known) : 0;
            return failures <= Free ? TimeSpan.Zero : (failures - Free) * Interval;
        }
    }

    /// <summary>The address was refused. True when this is the failure from which on it has to wait.</summary>
    public bool Failed(IPAddress? address)
    {
        if (address is null)
            return false;
        lock (_lock)
        {
            var network = Network(address);
            var before = _addresses.TryGetValue(network, out var known) ? Left(known) : 0;
            if (_addresses.Count >= MostAddresses && known == default)
                Forget();
            _addresses[network] = (before + 1, time.GetTimestamp());
            return before <= Free && before + 1 > Free;
        }
    }

    private double Left((double Failures, long At) known) => Math.Max(0, known.Failures - time.GetElapsedTime(known.At) / Interval);

    // Those that need not wait any more; if all do, a flood from everywhere, the least of them.
    private void Forget()
    {
        foreach (var address in _addresses.Where(a => Left(a.Value) == 0).Select(a => a.Key).ToList())
            _addresses.Remove(address);
        if (_addresses.Count >= MostAddresses)
        {
            foreach (var address in _addresses.OrderBy(a => Left(a.Value)).Take(MostAddresses / 10).Select(a => a.Key).ToList())
                _addresses.Remove(address);
        }
    }

    // Who has one IPv6 address has 2^64.
    private static IPAddress Network(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
