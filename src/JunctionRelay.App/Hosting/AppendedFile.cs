namespace JunctionRelay.App.Hosting;

/// <summary>
/// A file that only grows: opened for each write and closed after it, so that one which was moved away (logrotate) is followed by a new one, and a disk that was full for a while
/// is used again.
/// </summary>
/// <param name="path">Made when it is missing, for this user and its group.</param>
/// <param name="failed">Told why, once, when writing begins to fail.</param>
internal sealed class AppendedFile(string path, Action<string> failed) : Stream
{
    private bool _isFailing;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <exception cref="IOException">Nothing, or not all, was written.</exception>
    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            using var file = Open();
            file.Write(buffer, offset, count);
            _isFailing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isFailing) failed(e.Message);
            _isFailing = true;
            throw e as IOException ?? new IOException(e.Message, e);
        }
    }

    /// <summary>Nothing waits: each write is complete when it returns.</summary>
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private FileStream Open()
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        return new FileStream(path, options);
    }
}
