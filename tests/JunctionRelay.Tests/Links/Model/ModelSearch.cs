namespace JunctionRelay.Tests.Links.Model;

/// <summary>Visits every state of a <see cref="LinkModel"/>, and shows that from each of them the good end can still be reached.</summary>
internal static class ModelSearch
{
    /// <summary>The number of states, and what went wrong with the way that led there, or null.</summary>
    public static (int States, string? Wrong) Run(LinkModel model, int mostStates)
    {
        var start = model.Start();
        var ids = new Dictionary<string, int> { [start.Key()] = 0 };
        var queue = new Queue<ModelState>([start]);
        // Edges backwards, as linked lists in two arrays: the second question is asked from the end.
        var firstEdge = new List<int> { -1 };
        var edges = new List<(int From, int Next)>();
        var goals = new List<int>();

        for (var id = 0; queue.Count > 0; id++)
        {
            var state = queue.Dequeue();
            if (model.IsGoal(state))
                goals.Add(id);
            try
            {
                foreach (var next in model.Next(state))
                {
                    var key = next.Key();
                    if (!ids.TryGetValue(key, out var nextId))
                    {
                        nextId = ids.Count;
                        ids.Add(key, nextId);
                        firstEdge.Add(-1);
                        queue.Enqueue(next);
                        if (nextId >= mostStates)
                            return (nextId, $"more than {mostStates} states: the model is too large to exhaust");
                    }

                    edges.Add((id, firstEdge[nextId]));
                    firstEdge[nextId] = edges.Count - 1;
                }
            }
            catch (ModelViolationException violation)
            {
                return (ids.Count, violation.Message);
            }
        }

        var reaches = new bool[ids.Count];
        var back = new Stack<int>(goals);
        goals.ForEach(goal => reaches[goal] = true);
        while (back.TryPop(out var id))
        {
            for (var edge = firstEdge[id]; edge >= 0; edge = edges[edge].Next)
            {
                if (reaches[edges[edge].From])
                    continue;
                reaches[edges[edge].From] = true;
                back.Push(edges[edge].From);
            }
        }

        var stuck = Array.IndexOf(reaches, false);
        return (ids.Count, stuck < 0 ? null : $"state {stuck} is stuck: no way leads to the good end any more");
    }
}
