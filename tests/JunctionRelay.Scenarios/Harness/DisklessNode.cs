using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using JunctionRelay.Connections;
using JunctionRelay.Pki;

namespace JunctionRelay.Scenarios.Harness;

/// <summary>A node in this process and without a disk, which speaks to an authority on loopback as <c>junction enroll</c> does: what the first visit of a real one learns it knows.</summary>
internal sealed class DisklessNode(string name, JoinToken token, X509Certificate2 ca, int port) : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly EnrolmentClient _client = new(new IPEndPoint(IPAddress.Loopback, port), new SocketDialer(SocketSettings.Default), _ => null);
    private string? _pem;

    public X509Certificate2? Certificate { get; private set; }

    /// <summary>Joins, like a node that has never been there.</summary>
    public async Task Join(TimeSpan within)
    {
        await Again(within, async () =>
        {
            var (pinned, fetched) = await _client.FetchAuthorityAsync(token.Authority, CancellationToken.None);
            pinned?.Dispose();
            return (pinned is not null, fetched);
        });
        await Again(within, AskToJoin);
    }

    /// <summary>Shows its token once; whether it got a certificate, and what it was told if not.</summary>
    public Task<(bool IsDone, EnrolmentReply Reply)> AskToJoin() =>
        Ask(nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Join, Token = token.Reveal(), Wish = name, Csr = CertificateRequests.Create(_key, nonce) });

    public Task Renew(TimeSpan within) =>
        Again(within, () => Ask(nonce => new EnrolmentQuestion { Do = EnrolmentQuestion.Renew, Certificate = _pem, Csr = CertificateRequests.Create(_key, nonce) }));

    public void Dispose()
    {
        _key.Dispose();
        Certificate?.Dispose();
    }

    private async Task<(bool IsDone, EnrolmentReply Reply)> Ask(Func<string, EnrolmentQuestion> question)
    {
        var reply = await _client.AskAsync(new TlsCredentials.State(null, [ca]), "hq.junction.internal", question, CancellationToken.None);
        if (reply.Answer?.Certificate is not { } pem)
            return (false, reply);
        _pem = pem;
        Assert.Null(EnrolmentClient.Objection(_pem, _key, name, [ca], TimeProvider.System.GetUtcNow()));
        Certificate?.Dispose();
        Certificate = X509Certificate2.CreateFromPem(_pem);
        return (true, reply);
    }

    // As a node does: a connection that was too slow is made again. Who is told to come again was refused.
    private async Task Again(TimeSpan within, Func<Task<(bool IsDone, EnrolmentReply Reply)>> step)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var (isDone, reply) = await step();
            if (isDone)
                return;
            Assert.True(reply.MayComeAgain && reply.Answer?.Refused is null && watch.Elapsed < within, $"{name} after {watch.Elapsed}: {reply.Problem}");
            await Task.Delay(TimeSpan.FromMilliseconds(250));
        }
    }
}
