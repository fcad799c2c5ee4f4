using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using JunctionRelay.App.CommandLine;
using JunctionRelay.App.Commands;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Licensing;

/// <summary>
/// What a license is signed for never leaves its file: hostids in each spelling that vendors use (License Administration Guide, Special_Hostids.htm), at each place where one stands or has
/// slipped to, through all that <c>junction import</c> prints and writes.
/// </summary>
public sealed partial class LicenseSecretsTests
{
    private static readonly string[] Hostids =
    [
        "c0ffeec0ffee", "C0FFEE42", "c0:ff:ee:42:c0:ff", "c0-ff-ee-42-c0-ff", "\"c0ffeec0ffee c0ffee00beef\"", "INTERNET=198.51.100.77", "INTERNET=198.51.*.*", "HOSTNAME=c0ffee-host",
        "DISPLAY=c0ffee-host:0.0", "USER=c0ffee", "COMPOSITE=C0FFEEC0FFEE", "ID=20220042", "ID_STRING=c0ffee", "FLEXID=9-C0FFEE42", "VM_UUID=C0FFEE42-0000-4000-8000-00C0FFEE0042",
        "\"USER=c0ffee HOSTNAME=c0ffee-host\"", "DISK_SERIAL_NUM=C0FFEE42", "uuid=C0FFEE42", "ip=198.51.100.77",
    ];

    private const string Server = "SERVER lic1.example.com 0050568a1b2c 27000\n";

    /// <summary>ID stands for the hostid; what a license is for says SECRET.</summary>
    public static TheoryData<string> Places =>
    [
        "SERVER lic1.example.com ID 27000\nVENDOR demod PORT=27001\n",
        "SERVER lic1.example.com ID\nVENDOR demod\n",
        "server lic1.example.com ID tcp:1700\ndaemon demod /opt/demod\n",
        "SERVER lic1.example.com ID PORT=27000 PRIMARY_IS_MASTER HEARTBEAT_INTERVAL=20\n",
        "SERVER lic1.example.com ID 99999\nVENDOR demod PORT=99999\n",
        "SERVER lic1.example.com ID PORT=ID\n",
        "SERVER lic1.example.com ID HEARTBEAT_INTERVAL=ID\n",
        "SERVER this_host ID 27000\nVENDOR demod\n",
        "SERVER ANY ID\n",
        "SERVER 10.1.2.3 ID\nVENDOR demod\n",
        "SERVER a-license-server-with-a-very-long-name.example.com ID 27000\n",
        "SERVER lic1.example.com ID 27000\nSERVER lic2.example.com ID 27000\n",
        "SERVER lic1.example.com ID 27000\nSERVER lic2.example.com ID 27000\nSERVER lic3.example.com ID 27000\nVENDOR demod\n",
        "SERVER \\\n lic1.example.com \\\n ID \\\n 27000\nVENDOR demod\n",
        "SERVER lic1.example.com \\\r\n\tID 27000\r\nUSE_SERVER\r\n",
        "SERVER lic1.example.com\\\n ID\\\n",
        Server + "SERVER ID\n",
        Server + "SERVER HostID: ID\n",
        Server + "USE_SERVER\nSERVER lic2.example.com ID 27000\n",
        Server + "VENDOR demod \\\nSERVER lic2.example.com ID 27000\n",
        Server + "VENDOR demod HOSTID=ID\n",
        Server + "VENDOR demod /opt/demod HOSTID=ID PORT=27001\n",
        Server + "VENDOR demod /opt/demod \"HOSTID=ID\" PORT=x\n",
        Server + "VENDOR demod\nFEATURE SECRET demod 2026.1 31-dec-2026 50 HOSTID=ID SIGN=\"SECRET 4567 89AB\"\n",
        Server + "VENDOR demod\nINCREMENT SECRET demod 2026.1 permanent 50 \\\n\tVENDOR_STRING=SECRET \\\n\tHOSTID=ID \\\n\tSIGN=SECRET\n",
        Server + "VENDOR demod \\\nFEATURE SECRET demod 2026.1 permanent 50 HOSTID=ID SIGN=SECRET\n",
        Server + "PACKAGE SECRET demod 1.0 COMPONENTS=\"SECRET\" SIGN=SECRET\nUPGRADE SECRET demod 1.0 2.0 permanent 1 HOSTID=ID SIGN=SECRET\n",
        "# SERVER lic0.example.com ID 27000\n#hostid=ID SECRET\n" + Server,
        "The server of SECRET has the hostid ID.\n" + Server + "Hostid: ID\n",
        "FEATURE SECRET demod 2026.1 permanent 50 HOSTID=ID SIGN=SECRET\n",
        "SERVER lic1.example.com\nFEATURE SECRET demod 2026.1 permanent uncounted HOSTID=ID SIGN=SECRET\n",
        "HOST lic1.example.com ID 5053\nISV acme\nLICENSE acme SECRET 1.0 permanent 1 hostid=ID sig=\"SECRET\"\n",
        "HOST lic1.example.com ID\nISV acme /opt/acme port=5100\n",
        "HOST localhost ID 5053\nISV acme hostid=ID\n",
    ];

    [Theory, MemberData(nameof(Places))]
    public async Task Nothing_that_is_signed_leaves_the_file(string place)
    {
        string[] options = ["", "--enterprise hq.example.com:8443 --listen 10.128.0.5 --server-name lic1", "--direct --listen 10.128.0.5 --listen 10.128.0.6 --listen 10.128.0.7"];
        foreach (var (at, hostid) in Hostids.Index())
        {
            Assert.Matches(Signed(), hostid);
            var text = place.Replace("=ID\"", $"={hostid.Trim('"')}\"", StringComparison.Ordinal).Replace("=ID", $"={hostid}", StringComparison.Ordinal).Replace(" ID", $" {hostid}", StringComparison.Ordinal).Replace("\tID", $"\t{hostid}", StringComparison.Ordinal);
            var encoding = at % 2 == 0 ? Encoding.ASCII : Encoding.Unicode;
            var (exit, said) = await ImportAsync([.. encoding.GetPreamble(), .. encoding.GetBytes(text)], options[at % options.Length]);
            Assert.True(exit is ExitCodes.Ok or ExitCodes.Configuration && said.Contains("license.dat", StringComparison.Ordinal), said);
            Assert.False(Signed().IsMatch(said), $"{hostid} in\n{text}\nis told:\n{said}");
        }
    }

    [GeneratedRegex("c0.?ff|198[.]51|20220042|SECRET", RegexOptions.IgnoreCase)]
    private static partial Regex Signed();

    // All that it prints, and all that it writes.
    private static async Task<(int Exit, string Said)> ImportAsync(byte[] file, string options)
    {
        using var folder = new TestFolder();
        var (license, made) = (Path.Combine(folder.Root, "license.dat"), Path.Combine(folder.Root, "made"));
        await File.WriteAllBytesAsync(license, file);
        using StringWriter output = new(CultureInfo.InvariantCulture), error = new(CultureInfo.InvariantCulture);
        var exit = await new RootCommand { ImportCommand.Create() }.Parse(["import", license, "--out", made, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)])
            .InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        var written = Directory.Exists(made) ? Directory.GetFiles(made).Select(File.ReadAllText) : [];
        return (exit, string.Join('\n', written.Prepend(output.ToString()).Append(error.ToString())).Replace(folder.Root, "DIR", StringComparison.Ordinal));
    }
}
