using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Links;
using JunctionRelay.Pki;
using JunctionRelay.Policies;
using JunctionRelay.Relay;
using JunctionRelay.Routing;
using JunctionRelay.Tests.Harness;

namespace JunctionRelay.Tests.Pki;

/// <summary>An authority and the junction "hq" where it lives, with a port where others dial in and join; real TLS over loopback.</summary>
internal sealed class TestSite : IAsyncDisposable
{
    private readonly TestFolder _folder = new();
    private readonly LinkService _links;

    private TestSite(TimeSpan lifetime, bool hasAuthority, string servedBy, int rejoinLimit)
    {
        Pki = PkiDirectory.Init(_folder["pki"], "junction.internal", "hq", TimeSpan.FromDays(30), TimeProvider.System);
        Office = new EnrolmentOffice(Pki, new EnrolmentRules(lifetime, rejoinLimit), TimeProvider.System);
        Server = new EnrolmentServer(Office, TimeProvider.System, Log);
        Directory = new LinkDirectory();
        var tls = new TlsSettings(new TlsCredentials(Issue(servedBy), [Pki.Ca.Certificate]));
        _links = new LinkService(
            new LinksPlan
            {
                Options = new LinkOptions { Self = new LinkParty("hq", Guid.NewGuid(), 1), Log = Log },
                Directory = Directory,
                Credentials = tls.Credentials,
                Dial = [],
                Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
                Handshake = TlsHandshake.Serving(LinkConnector.ForLinks(tls) with { OpenProtocol = hasAuthority ? EnrolmentServer.Protocol : null }),
                Enrolment = hasAuthority ? Server : null,
                Peers = new PeerRules([new PeerRule("*", null, null, null, null, null)]),
                Services = new ServiceTable(new Dictionary<string, JunctionRelay.Targets.TargetList>()),
            },
            Log);
    }

    public TestLog<LinkService> Log { get; } = new();
    public PkiDirectory Pki { get; }
    public EnrolmentOffice Office { get; }
    public EnrolmentServer Server { get; }
    public LinkDirectory Directory { get; }
    public IPEndPoint Address => (IPEndPoint)_links.Addresses.Single();

    /// <summary>Starts it. <paramref name="servedBy"/>: the identity that the port really has.</summary>
    public static async Task<TestSite> StartAsync(TimeSpan? lifetime = null, bool hasAuthority = true, string servedBy = "hq", int rejoinLimit = 10)
    {
        var site = new TestSite(lifetime ?? TimeSpan.FromHours(24), hasAuthority, servedBy, rejoinLimit);
        await site._links.StartAsync(CancellationToken.None);
        return site;
    }

    public JoinToken Token(string name = "node-*", int uses = 1)
    {
        var token = JoinToken.Create(Pki.Ca, "hq", TimeProvider.System.GetUtcNow().AddHours(1));
        Pki.Tokens.Write(new TokenRecord { Id = token.Id, Hash = Convert.ToHexStringLower(token.SecretHash), Name = name, Uses = uses, Expires = token.Expires });
        return token;
    }

    public IdentityDirectory Node(string name) => new(_folder[name]);

    public EnrolmentClient Client => new(Address, new SocketDialer(SocketSettings.Default), _ => null);

    public Enrolment Enrolment(IdentityDirectory node) => new(node, Client, SocketDialer.Text(Address), TimeProvider.System);

    /// <summary>Joins, and fails unless that went well.</summary>
    public async Task<IdentityDirectory> JoinAsync(string name, JoinToken? token = null)
    {
        var node = Node(name);
        var (outcome, told) = await Enrolment(node).RunAsync(token ?? Token(), name, Eventually.Deadline, CancellationToken.None);
        Assert.True(outcome == EnrolmentOutcome.Enrolled, told);
        return node;
    }

    /// <summary>The identity in a directory.</summary>
    public static TlsIdentity Read(IdentityDirectory node) => TlsIdentity.FromPem(File.ReadAllText(node.CertificateFile), File.ReadAllText(node.KeyFile));

    /// <summary>An identity of any name, past every rule.</summary>
    public TlsIdentity Issue(string name, DateTimeOffset? at = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Pki.Ca.Issue(name, new PublicKey(key), at ?? TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(24));
        using var withKey = issued.CopyWithPrivateKey(key);
        return TlsIdentity.From(withKey);
    }

    /// <summary>TLS to the port, as <paramref name="identity"/>, speaking <paramref name="protocol"/>.</summary>
    public async Task<DialOutcome> ShakeAsync(TlsIdentity? identity, System.Net.Security.SslApplicationProtocol protocol)
    {
        var dialled = await new SocketDialer(SocketSettings.Default).DialAsync(Address, Eventually.Deadline, CancellationToken.None);
        var settings = new TlsSettings(identity, [Pki.Ca.Certificate], RequirePeerCertificate: true, Protocol: protocol);
        return await TlsHandshake.Dialling(settings, "hq.junction.internal").RunAsync(dialled.Connection!, Eventually.Deadline, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _links.StoppingAsync(CancellationToken.None);
        await _links.StopAsync(CancellationToken.None);
        await _links.DisposeAsync();
        Pki.Dispose();
        _folder.Dispose();
    }
}
