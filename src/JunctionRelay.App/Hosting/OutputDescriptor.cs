using System.Runtime.InteropServices;

namespace JunctionRelay.App.Hosting;

/// <summary>
/// Standard output or error of this process for lines that somebody counts: each write is complete, or fails. To the framework's own stream what a closed pipe swallows is written.
/// </summary>
/// <param name="descriptor">Its number; whoever opened it closes it.</param>
internal sealed class OutputDescriptor(int descriptor) : Stream
{
    private const int Interrupted = 4;   // EINTR
    private static readonly int WouldWait = OperatingSystem.IsLinux() ? 11 : 35;   // EAGAIN

    // The log and the audit may share one descriptor, and both of these one terminal: their lines do not mix.
    private static readonly Lock Turn = new();

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public static Stream StandardOutput() => OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : new OutputDescriptor(1);

    public static Stream StandardError() => OperatingSystem.IsWindows() ? Console.OpenStandardError() : new OutputDescriptor(2);

    /// <summary>Waits while the reader is slow, also where somebody made the descriptor one that does not.</summary>
    /// <exception cref="IOException">Not all was written: nobody reads any more (the runtime ignores SIGPIPE), the disk is full, there is no such descriptor.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (Turn)
        {
            while (!buffer.IsEmpty)
            {
                var written = Write(descriptor, in MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
                if (written >= 0) buffer = buffer[(int)written..];
                else if (Marshal.GetLastPInvokeError() is var error && error == WouldWait) UntilWritable();
                else if (error != Interrupted) throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Nothing waits: each write is complete when it returns.</summary>
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    // What else comes of it, the next write tells.
    private void UntilWritable()
    {
        const short Writable = 4;   // POLLOUT
        const int ForEver = -1;
        var waiting = new Waiting { Descriptor = descriptor, For = Writable };
        _ = Poll(ref waiting, 1, ForEver);
    }

    // struct pollfd
    private struct Waiting
    {
        public int Descriptor;
        public short For;
        public short Came;
    }

    [DllImport("libc", EntryPoint = "write", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(int descriptor, in byte buffer, nuint count);

    [DllImport("libc", EntryPoint = "poll"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Poll(ref Waiting waiting, nuint count, int milliseconds);
}
