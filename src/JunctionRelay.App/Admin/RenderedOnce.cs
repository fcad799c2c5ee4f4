using System.Diagnostics.CodeAnalysis;

namespace JunctionRelay.App.Admin;

/// <summary>A text that is made anew when somebody asks and the last one is older than a moment: many readers cost no more than a few.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a SemaphoreSlim whose wait handle is never asked for holds nothing")]
internal sealed class RenderedOnce(Func<Chunks> render, QuietThread quiet, TimeProvider time)
{
    public static readonly TimeSpan GoodFor = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _one = new(1);
    private (Chunks Text, long At)? _last;   // by whoever holds _one

    public async ValueTask<Chunks> GetAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            if (_last is var (text, at) && time.GetElapsedTime(at) < GoodFor) return text;
            text = await quiet.RunAsync(render);
            _last = (text, time.GetTimestamp());
            return text;
        }
        finally
        {
            _one.Release();
        }
    }
}
