using JunctionRelay.Configuration;
using JunctionRelay.Relay;
using Microsoft.AspNetCore.Http;

namespace JunctionRelay.App.Admin;

/// <summary>What somebody wants of a service.</summary>
/// <param name="Service">As the configuration calls it.</param>
/// <param name="Pause">Pause it, or let it go on.</param>
/// <param name="End">Of a pause: end the connections that it has.</param>
internal readonly record struct ServiceWish(string Service, bool Pause, bool End);

/// <summary>
/// The only thing that the admin endpoint changes: services are paused and go on. <c>POST /services/NAME/pause</c>, <c>/services/NAME/end</c> (a pause that ends what is there)
/// and <c>/services/NAME/resume</c>, without a body.
/// </summary>
internal sealed class ServiceSwitch(Func<JunctionPlan> plan, RelayService relays)
{
    private const string Prefix = "/services/";

    /// <summary>The wish that a path stands for; null for any other path.</summary>
    public static ServiceWish? Of(string path)
    {
        if (!path.StartsWith(Prefix, StringComparison.Ordinal) || path.LastIndexOf('/') is var slash && slash <= Prefix.Length) return null;
        return path[(slash + 1)..] switch
        {
            "pause" => new(path[Prefix.Length..slash], Pause: true, End: false),
            "end" => new(path[Prefix.Length..slash], Pause: true, End: true),
            "resume" => new(path[Prefix.Length..slash], Pause: false, End: false),
            _ => null,
        };
    }

    /// <summary>The path of a wish.</summary>
    public static string PathOf(ServiceWish wish) => $"{Prefix}{Uri.EscapeDataString(wish.Service)}/{(wish.Pause ? wish.End ? "end" : "pause" : "resume")}";

    /// <summary>Does it, and says what was done.</summary>
    public (int Status, string Text) Turn(ServiceWish wish)
    {
        if (plan().Links?.Services is not { } services || !services.Services.ContainsKey(wish.Service)) return (StatusCodes.Status404NotFound, "There is no such service.");
        if (wish.Pause)
        {
            var ended = relays.Pause(wish.Service, wish.End);
            return (StatusCodes.Status200OK, wish.End ? $"paused; connections ended: {ended}" : "paused; connections that are there go on");
        }

        if (services.Paused.Contains(wish.Service)) return (StatusCodes.Status409Conflict, "It is paused by the configuration: take \"paused\" out of the service.");
        return (StatusCodes.Status200OK, relays.Resume(wish.Service) ? "goes on" : "was not paused");
    }
}
