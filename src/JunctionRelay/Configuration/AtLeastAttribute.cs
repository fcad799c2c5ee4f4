namespace JunctionRelay.Configuration;

/// <summary>The smallest value that a number or a duration may have, as the user would write it.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AtLeastAttribute(string minimum) : Attribute
{
    /// <summary><c>1</c> for a number; <c>1ms</c>, or <c>0</c> where that means off, for a duration.</summary>
    public string Minimum { get; } = minimum;
}
