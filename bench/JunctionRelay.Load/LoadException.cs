namespace JunctionRelay.Load;

/// <summary>A load that cannot go on, in words for the person who started it. Caught once, in Program.</summary>
internal sealed class LoadException(string message) : Exception(message);
