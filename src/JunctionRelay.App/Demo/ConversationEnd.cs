namespace JunctionRelay.App.Demo;

/// <summary>How a simulated conversation ended, as one of its sides saw it.</summary>
internal enum ConversationEnd
{
    /// <summary>The other side ended it cleanly, between two messages (FIN).</summary>
    Fin,
    /// <summary>The other side reset it (RST).</summary>
    Reset,
    /// <summary>The other side said nothing for longer than was agreed, or its machine no longer answers.</summary>
    Silent,
    /// <summary>Bytes arrived that nobody sent so: a damaged message, or an end in the middle of one.</summary>
    Garbled,
    /// <summary>This side ended it.</summary>
    Ours,
}
