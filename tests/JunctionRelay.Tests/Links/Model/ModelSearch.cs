namespace JunctionRelay.Tests.Links.Model;

/// <summary>Visits every state of a <see cref="LinkModel"/>, and shows that from each of them the good end can still be reached.</summary>
internal sealed class ModelSearch
{
    private readonly Dictionary<string, int> _ids = [];
    // How each state was first reached, and the way on from it to the good end: another state, and which of the steps there are.
    private readonly List<(int From, int Step)> _reachedBy = [(-1, 0)];
    private (int To, int Step)[] _goesOn = [];

    private ModelSearch()
    {
    }

    /// <summary>The number of states.</summary>
    public int States => _ids.Count;

    /// <summary>What went wrong, or null.</summary>
    public string? Wrong { get; private set; }

    public static ModelSearch Run(LinkModel model, int mostStates)
    {
        var search = new ModelSearch();
        search.Wrong = search.Visit(model, mostStates);
        return search;
    }

    /// <summary>
    /// Schedules that come by every state, from the start to the good end; each names of every step the place among those that <see cref="LinkModel.Next"/> lists.
    /// </summary>
    public IEnumerable<int[]> Schedules()
    {
        var isPassed = new bool[States];
        foreach (var (from, _) in _reachedBy.Skip(1))
            isPassed[from] = true;
        for (var id = 0; id < States; id++)
        {
            if (isPassed[id])
                continue;
            var steps = new Stack<int>();
            for (var at = id; at != 0; at = _reachedBy[at].From)
                steps.Push(_reachedBy[at].Step);
            var schedule = steps.ToList();
            for (var at = id; _goesOn[at].To >= 0; at = _goesOn[at].To)
                schedule.Add(_goesOn[at].Step);
            yield return [.. schedule];
        }
    }

    private string? Visit(LinkModel model, int mostStates)
    {
        var start = model.Start();
        _ids.Add(start.Key(), 0);
        var queue = new Queue<ModelState>([start]);
        // Edges backwards, as linked lists in two arrays: the second question is asked from the end.
        var firstEdge = new List<int> { -1 };
        var edges = new List<(int From, int Step, int Next)>();
        var goals = new List<int>();

        for (var id = 0; queue.Count > 0; id++)
        {
            var state = queue.Dequeue();
            if (model.IsGoal(state))
                goals.Add(id);
            var step = 0;
            try
            {
                foreach (var (_, next) in model.Next(state))
                {
                    var key = next.Key();
                    if (!_ids.TryGetValue(key, out var nextId))
                    {
                        nextId = _ids.Count;
                        _ids.Add(key, nextId);
                        _reachedBy.Add((id, step));
                        firstEdge.Add(-1);
                        queue.Enqueue(next);
                        if (nextId >= mostStates)
                            return $"more than {mostStates} states: the model is too large to exhaust";
                    }

                    edges.Add((id, step++, firstEdge[nextId]));
                    firstEdge[nextId] = edges.Count - 1;
                }
            }
            catch (ModelViolationException violation)
            {
                return violation.Message;
            }
        }

        var reaches = new bool[States];
        _goesOn = new (int, int)[States];
        var back = new Queue<int>(goals);
        foreach (var goal in goals)
            (reaches[goal], _goesOn[goal]) = (true, (-1, 0));
        while (back.TryDequeue(out var id))
        {
            for (var edge = firstEdge[id]; edge >= 0; edge = edges[edge].Next)
            {
                var (from, step, _) = edges[edge];
                if (reaches[from])
                    continue;
                (reaches[from], _goesOn[from]) = (true, (id, step));
                back.Enqueue(from);
            }
        }

        var stuck = Array.IndexOf(reaches, false);
        return stuck < 0 ? null : $"state {stuck} is stuck: no way leads to the good end any more";
    }
}
