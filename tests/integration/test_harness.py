"""The local internet is what it claims to be: asked with curl, smtplib and a stub resolver."""

import hashlib
import hmac
import os
import smtplib
import ssl
import subprocess
import time

import pytest

from harness import behaviours as b
from harness import dns, thirty_three
from harness.hook import Hook
from harness.mail import Mail
from harness.process import children_of, free_port


def curl(url, *options, seconds=2):
    """(exit code, HTTP status) of a real client."""
    done = subprocess.run(
        ["curl", "-sS", "-m", str(seconds), "-o", "/dev/null", "-w", "%{http_code}", *options, url],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )
    return done.returncode, int(done.stdout)


# curl's exit codes: 6 resolve, 7 connect, 18 partial, 28 timeout, 52 nothing, 56 receive, 60 certificate
@pytest.mark.parametrize(
    "behaviour, exits, status",
    [
        (b.healthy(), 0, 200), (b.status(503), 0, 503), (b.slow(9), 28, 0), (b.never_answers(), 28, 0),
        (b.closes_after_request(), 52, 0), (b.resets(), 56, 0), (b.closes_in_body(), 18, 200),
        (b.drip(), 28, 200), (b.gzip_bomb(2), 0, 200), (b.banner(), 1, 0), (b.interim(), 0, 204),
        (b.chain(3), 0, 200), (b.circle(), 47, 302), (b.patience(429, 3), 0, 429), (b.chunked([b"a", b"b"]), 0, 200),
    ],
    ids=lambda x: getattr(x, "__qualname__", str(x)).split(".")[0],
)
def test_a_site_behaves_as_told(village, behaviour, exits, status):
    site = village.site("told", behaviour, host=None)
    assert curl(f"http://{site.address}:{site.port}/", "-L") == (exits, status)


def test_a_site_changes_goes_and_comes_back(world, village):
    site = village.site("moody", b.head_refused(405))
    url = f"http://{site.address}:{site.port}/"
    assert curl(url, "-I") == (0, 405) and curl(url) == (0, 200)
    assert [v.method for v in site.visits] == ["HEAD", "GET"]
    site.off()
    assert curl(url) == (7, 0)
    site.on()
    site.becomes(b.status(500))
    assert curl(url) == (0, 500)
    assert dns.ask(world.resolver.port, "moody.test", "A") == (0, 1)


def test_a_black_hole_swallows(village):
    assert curl(village.hole("hole-of-harness").replace("hole-of-harness.test", village.holes[0].address)) == (28, 0)


@pytest.mark.parametrize("slug", ["good-p256", "good-rsa", "wildcard", "tls12", "by-number"])
def test_good_certificates(world, slug):
    assert curl(*resolved(world, slug)) == (0, 200)


@pytest.mark.parametrize(
    "slug", ["expired", "not-yet", "wrong-name", "unknown-issuer", "self-signed", "no-chain", "expired-wrong-name"]
)
def test_bad_certificates(world, slug):
    assert curl(*resolved(world, slug)) == (60, 0)


def resolved(world, slug):
    site = world.web.sites[slug]
    port = site.url.rsplit(":", 1)[1].strip("/")
    address = world.resolver.names.get(site.host, (site.host,))[0]
    return site.url, "--cacert", world.pki.ca_file, "--resolve", f"{site.host}:{port}:{address}"


def test_the_name_server(world):
    port = world.resolver.port
    assert dns.ask(port, ".", "NS") == (0, 2)
    assert dns.ask(port, "no-such-name.example", "A") == (3, 0)
    assert dns.ask(port, "nodata.test", "A") == (0, 0)
    assert dns.ask(port, "servfail.test", "A") == (2, 0)
    assert dns.ask(port, "refused.test", "A") == (5, 0)
    assert dns.ask(port, "hole.test", "A", timeout=0.3) is None
    world.resolver.name("two.test", "127.0.0.1", "127.0.0.2")
    assert dns.ask(port, "two.test", "A") == (0, 2)
    world.resolver.name("two.test")
    assert dns.ask(port, "two.test", "A")[1] == 0


def test_resolvers_that_know_nothing():
    closed, silent = dns.Resolver(dns.CLOSED), dns.Silent()
    try:
        assert dns.ask(closed.port, ".", "NS") == (3, 0)
        assert dns.ask(closed.port, "example.com", "A") == (3, 0)
        assert dns.ask(silent.port, ".", "NS", timeout=0.2) is None
    finally:
        closed.close()
        silent.close()


@pytest.mark.parametrize("tls", ["never", "starttls", "implicit"])
def test_the_mail_server(world, tls):
    mail = Mail(world.pki, tls, ("me", "words"), background=world.background)
    trusts = ssl.create_default_context(cafile=world.pki.ca_file)

    def connect():
        if tls == "implicit":
            s = smtplib.SMTP_SSL("127.0.0.1", mail.port, context=trusts)
        else:
            s = smtplib.SMTP("127.0.0.1", mail.port)
        if tls == "starttls":
            s.starttls(context=trusts)
        return s

    try:
        with connect() as s:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                s.login("me", "other words")
        with connect() as s:
            s.login("me", "words")
            s.sendmail("a@a.test", ["b@b.test"], "Subject: [down] shop\r\n\r\nIt is.\r\n")
            assert (mail.messages[0].tls, mail.messages[0].login) == (tls != "never", "me")
            mail.behaves("later")
            with pytest.raises(smtplib.SMTPDataError):
                s.sendmail("a@a.test", ["b@b.test"], "Subject: x\r\n\r\nIt is.\r\n")
        mail.away()
        with pytest.raises(OSError):
            connect()
        mail.back()
        connect().close()
    finally:
        mail.close()


def test_the_webhook_receiver(village):
    hook = Hook(village)
    body = '{"kind": "down"}'
    stamp = str(int(time.time()))
    signature = hmac.new(b"key", f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    assert curl(hook.url, "-d", body, "-H", f"X-Vedette-Signature: v1={signature}", "-H", f"X-Vedette-Timestamp: {stamp}")[1] == 204
    (delivery,) = hook.wait(1, kind="down")
    assert delivery.signed_with("key") and not delivery.signed_with("other")


def test_the_first_list_adds_up():
    assert len(thirty_three.MISSING) == 2
    assert sum(1 for how in thirty_three.SITES.values() if how and how[1] == 405) == 3


def test_ports_differ_and_children_are_seen():
    assert free_port() != free_port()
    p = subprocess.Popen(["sleep", "30"])
    try:
        assert children_of(os.getpid())[p.pid] == ["sleep", "30"]
    finally:
        p.kill()
        p.wait()
