namespace JunctionRelay.Scenarios.Harness;

/// <summary>Real load balancers, each with one proxy of its own on a port.</summary>
internal static class Balancers
{
    /// <summary>haproxy with one proxy; <paramref name="proxy"/>: the lines of its <c>listen</c> section.</summary>
    public static async Task<RealProgram> Haproxy(TemporaryFolder folder, int port, string proxy)
    {
        var config = folder.Write($"haproxy-{port}.cfg", $"""
            defaults
              mode tcp
              timeout connect 5s
              timeout client 60s
              timeout server 60s

            listen proxy
            {proxy}

            """);
        var haproxy = RealProgram.Start("haproxy", ["-db", "-f", config]);
        await haproxy.Listening(port);
        return haproxy;
    }

    /// <summary>nginx with one <c>server</c> of its stream module, a package of its own on Debian.</summary>
    public static async Task<RealProgram> NginxStream(TemporaryFolder folder, int port, string server)
    {
        var config = folder.Write($"nginx-{port}.conf", $$"""
            load_module /usr/lib/nginx/modules/ngx_stream_module.so;
            daemon off;
            master_process off;
            pid {{folder[$"nginx-{port}.pid"]}};
            error_log stderr;
            events { }
            stream { {{server}} }
            """);
        var nginx = RealProgram.Start("nginx", ["-p", folder.Path, "-c", config]);
        await nginx.Listening(port);
        return nginx;
    }
}
