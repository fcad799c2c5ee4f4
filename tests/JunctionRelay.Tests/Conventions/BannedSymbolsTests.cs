using System.Reflection;

namespace JunctionRelay.Tests.Conventions;

/// <summary>A ban on a name with a slip in it bans nothing, and the analyzer does not say so: each entry names something that there is.</summary>
public sealed class BannedSymbolsTests
{
    [Theory]
    [InlineData("BannedSymbols.txt")]
    [InlineData("src/JunctionRelay/BannedSymbols.Engine.txt")]
    public void Each_entry_names_something(string file)
    {
        var entries = SourceTree.Read(file).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(entries);
        Assert.All(entries, entry =>
        {
            var id = entry.Split(';')[0];
            Assert.True(Exists(id), $"there is no {id}");
            Assert.True(entry.Length > id.Length + 1, $"{id} is banned without a word on what to do instead");
        });
    }

    [Fact]
    public void A_slip_is_found() =>
        Assert.All(["T:System.Konsole", "P:System.DateTime.Nows", "M:System.Threading.Tasks.Task.Run(System.Action,System.Int32)", "M:System.Threading.Tasks.Task.Wait``1"], id => Assert.False(Exists(id)));

    // Documentation IDs, as far as these files use them: types, properties, and methods told apart by their parameters.
    private static bool Exists(string id)
    {
        var name = id[2..].Split('(')[0];
        if (id[0] == 'T') return TypeOf(name) is not null;
        var dot = name.LastIndexOf('.');
        var members = TypeOf(name[..dot])?.GetMembers(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance) ?? [];
        return id[0] switch
        {
            'P' => members.OfType<PropertyInfo>().Any(p => p.Name == name[(dot + 1)..]),
            'M' => members.OfType<MethodInfo>().Any(m => IdOf(m) == id[(dot + 3)..]),
            _ => false,
        };
    }

    private static Type? TypeOf(string name) => Type.GetType(name) ?? Type.GetType($"{name}, System.Console");

    private static string IdOf(MethodInfo method)
    {
        var parameters = method.GetParameters().Select(p => IdOf(p.ParameterType)).ToList();
        return method.Name + (method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "") + (parameters.Count == 0 ? "" : $"({string.Join(',', parameters)})");
    }

    private static string IdOf(Type type) => type.IsGenericMethodParameter ? $"``{type.GenericParameterPosition}"
        : type.IsGenericType ? $"{type.Namespace}.{type.Name.Split('`')[0]}{{{string.Join(',', type.GetGenericArguments().Select(IdOf))}}}"
        : type.FullName!;
}
