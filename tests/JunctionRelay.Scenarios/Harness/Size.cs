namespace JunctionRelay.Scenarios.Harness;

/// <summary>
/// A trait: scenarios that need minutes however little they move (a system from packages, an image, a program for another system) belong to the release check. tests/run.sh leaves
/// them out unless JUNCTION_SCALE is full or they are asked for by name.
/// </summary>
internal static class Size
{
    public const string Name = "Size";
    public const string Release = "Release";
}
