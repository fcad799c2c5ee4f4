using BenchmarkDotNet.Attributes;
using JunctionRelay.Connections;
using JunctionRelay.Relay;

namespace JunctionRelay.Microbench;

/// <summary>
/// Only this shows what the splice itself costs for one piece read and written (a loopback socket costs a hundred times as much and hides
/// it), and that it allocates nothing per piece: the few hundred bytes of a whole splice, spread over its pieces, show as 0 B.
/// </summary>
public class SpliceInMemory
{
    private const int Pieces = 10_000;
    private static readonly RelayLimits Limits = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10), null, null);
    private byte[] _piece = [];

    /// <summary>A license message, and what a read of bulk brings (every fourth of these gives its thread back: MostBytesPerTurn).</summary>
    [Params(150, 256 * 1024)]
    public int PieceBytes { get; set; }

    [GlobalSetup]
    public void Setup() => _piece = new byte[PieceBytes];

    [Benchmark(OperationsPerInvoke = Pieces)]
    public async Task<long> Piece()
    {
        var splice = new Splice(new ScriptedConnection(_piece, Pieces), new ScriptedConnection(_piece, 0), Limits, SocketSettings.Default, TimeProvider.System);
        await splice.RunAsync();
        return splice.BytesToTarget == (long)Pieces * PieceBytes ? splice.BytesToTarget : throw new InvalidOperationException("bytes were lost");
    }
}
