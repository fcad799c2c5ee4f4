namespace JunctionRelay.Scenarios.Harness;

/// <summary>A scan of all TCP ports by connecting to each, in a process of its own (Python): what it finds is open, whatever tables say.</summary>
internal static class PortScan
{
    public const string Loopback = "127.0.0.1";

    // From another address of loopback: a connection from a port to itself would come to stand (RFC 9293, 3.5, figure 8).
    private const string OtherLoopback = "127.0.0.9";

    private const string Program = """
        import errno, socket, sys
        address, source = sys.argv[1], sys.argv[2]
        tried = 0
        for port in range(1, 65536):
            with socket.socket() as s:
                if source:
                    s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                    s.bind((source, 0))
                error = s.connect_ex((address, port))
                if error == 0:
                    print(f"{address}:{port}")
                elif error != errno.ECONNREFUSED:
                    sys.exit(f"{address}:{port}: {errno.errorcode[error]}")
                tried += 1
        print(f"tried {tried}")
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    /// <summary>The ports of an address that accept, tried from a host, as <c>address:port</c> in their order. An answer that is neither yes nor no fails.</summary>
    public static async Task<IReadOnlyList<string>> AllOpen(Host from, string address)
    {
        var said = await RealProgram.Succeed("python3", ["-c", Program, address, address == Loopback ? OtherLoopback : ""], new ProgramOptions { Host = from }, Patience);
        var lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("tried 65535", lines[^1]);
        return lines[..^1];
    }
}
