using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace JunctionRelay.App.Admin;

/// <summary>
/// Who is connected to the admin endpoint. Where all places are taken, whoever has asked nothing for the longest makes room: strangers who connect and say nothing keep nobody out.
/// Thread-safe.
/// </summary>
internal sealed class AdminVisitors
{
    /// <summary>At the same time, pages among them.</summary>
    public const int Most = 500;

    private static readonly object Place = new();

    private readonly Lock _lock = new();
    private readonly LinkedList<ConnectionContext> _silent = [];   // under _lock; the longest first
    private int _answered;   // under _lock

    /// <summary>A connection from its first moment to its last.</summary>
    public ConnectionDelegate Around(ConnectionDelegate next) => async connection =>
    {
        var place = new LinkedListNode<ConnectionContext>(connection);
        connection.Items[Place] = place;
        Enter(place)?.Abort();
        try
        {
            await next(connection);
        }
        finally
        {
            lock (_lock)
            {
                if (place.List is not null) _silent.Remove(place);
            }
        }
    };

    /// <summary>A connection while it has an answer to come: it keeps its place.</summary>
    public async Task AnswerAsync(HttpContext context, RequestDelegate answer)
    {
        var place = (LinkedListNode<ConnectionContext>)context.Features.Get<IConnectionItemsFeature>()!.Items[Place]!;
        lock (_lock)
        {
            // It has just had to go.
            if (place.List is null) return;
            _silent.Remove(place);
            _answered++;
        }

        try
        {
            await answer(context);
        }
        finally
        {
            lock (_lock)
            {
                _answered--;
                _silent.AddLast(place);
            }
        }
    }

    // Who has to go for it: perhaps, where all others are being answered, itself.
    private ConnectionContext? Enter(LinkedListNode<ConnectionContext> place)
    {
        lock (_lock)
        {
            _silent.AddLast(place);
            if (_silent.Count + _answered <= Most) return null;
            var leaving = _silent.First!;
            _silent.Remove(leaving);
            return leaving.Value;
        }
    }
}
