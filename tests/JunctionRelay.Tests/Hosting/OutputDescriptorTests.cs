using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;
using JunctionRelay.App.Hosting;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Hosting;

/// <summary>What lines are written to: whoever counts them is told of each that is not.</summary>
public sealed class OutputDescriptorTests
{
    [Fact]
    public void A_pipe_that_nobody_reads_any_more_takes_nothing()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        var descriptor = Duplicate(pipe);
        using var output = new OutputDescriptor(descriptor);
        output.Write("heard\n"u8);
        Assert.Equal('h', pipe.ReadByte());
        pipe.Dispose();
        Assert.Contains("pipe", Assert.Throws<IOException>(() => output.Write("lost\n"u8)).Message, StringComparison.OrdinalIgnoreCase);
        _ = Close(descriptor);
    }

    [Fact]
    public async Task A_pipe_that_does_not_wait_is_waited_for()
    {
        const int SetFlags = 4, DoNotWait = 0x800;   // F_SETFL, O_NONBLOCK
        var sent = new byte[1_000_000];
        new Random(1).NextBytes(sent);
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        var descriptor = Duplicate(pipe);
        Assert.Equal(0, Control(descriptor, SetFlags, DoNotWait));
        using var output = new OutputDescriptor(descriptor);
        var writing = Task.Factory.StartNew(() => output.Write(sent), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var received = new byte[sent.Length];
        await pipe.ReadExactlyAsync(received).AsTask().WaitAsync(Eventually.Deadline);
        await writing.WaitAsync(Eventually.Deadline);
        Assert.Equal(sent, received);
        _ = Close(descriptor);
    }

    [Fact]
    public void A_full_disk_is_told()
    {
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);
        using var output = new OutputDescriptor((int)full.DangerousGetHandle());
        Assert.Contains("space", Assert.Throws<IOException>(() => output.Write("x"u8)).Message, StringComparison.Ordinal);
    }

    /// <summary>As two processes do of which one takes the other's place.</summary>
    [Fact]
    public void Two_that_write_to_one_file_do_not_write_over_each_other()
    {
        using var folder = new TestFolder();
        var path = folder["log"];
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite))
        {
            var shared = Dup((int)file.DangerousGetHandle());
            using OutputDescriptor one = new((int)file.DangerousGetHandle()), other = new(shared);
            one.Write("first\n"u8);
            other.Write("second\n"u8);
            one.Write("third\n"u8);
            _ = Close(shared);
        }

        Assert.Equal("first\nsecond\nthird\n", File.ReadAllText(path, Encoding.ASCII));
    }

    // A descriptor of our own for the end that is written to; the pipe keeps none.
    private static int Duplicate(AnonymousPipeServerStream pipe)
    {
        var descriptor = Dup((int)pipe.ClientSafePipeHandle.DangerousGetHandle());
        pipe.DisposeLocalCopyOfClientHandle();
        return descriptor;
    }

    [DllImport("libc", EntryPoint = "dup"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Dup(int descriptor);

    [DllImport("libc", EntryPoint = "close"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);

    [DllImport("libc", EntryPoint = "fcntl"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(int descriptor, int command, int flags);
}
