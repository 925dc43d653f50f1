"""What a look concludes of every way in which a site can misbehave.

One row each. All rows are looked at by one call of `vedette check`, as an
operator would; the tests then read what it said of theirs.
"""

import dataclasses
import datetime
import socket

import pytest
import yaml

from harness import behaviours as b
from harness.misbehave import Village
from harness.patience import FACTOR
from harness.programs import check

UP, DOWN, UNKNOWN = "up", "down", "unknown"
TIMEOUT = 2.0 * FACTOR  # seconds, of each look


@dataclasses.dataclass
class Row:
    name: str
    make: object  # (world, village, name) -> url
    verdict: str
    causes: tuple
    more: dict = dataclasses.field(default_factory=dict)  # what the list says of the site besides
    seen: dict = dataclasses.field(default_factory=dict)  # further members of the answer


ROWS = []


def row(name, make, verdict, cause="none", more=None, **seen):
    causes = (cause,) if isinstance(cause, str) else tuple(cause)
    ROWS.append(Row(name, make, verdict, causes, more or {}, seen))


def site(behaviour, path="/", **how):
    return lambda world, village, name: village.site(name, behaviour, **how).url(path)


def web(slug, path=""):
    return lambda world, village, name: world.web.sites[slug].url + path


def tls(behaviour):
    """https:// to a port that does not speak TLS."""
    return lambda world, village, name: village.site(name, behaviour).url(scheme="https")


def named(name):
    return lambda world, village, _: f"http://{name}/"


KEYWORD = {"expect": {"contains": "needle"}}

# ── statuses ─────────────────────────────────────────────────────────────────
row("healthy", site(b.healthy()), UP, status=200, method="HEAD")
for code in (200, 201, 204, 206, 304):
    row(f"status-{code}", site(b.status(code)), UP, status=code, method="HEAD")
for code in (400, 401, 403, 404, 405, 410, 418, 451):
    row(f"status-{code}", site(b.status(code)), DOWN, "http_4xx", status=code, method="GET")
for code in (500, 501, 502, 503, 504, 511, 599):
    row(f"status-{code}", site(b.status(code)), DOWN, "http_5xx", status=code, method="GET")
for code in (405, 501, 403, 404, 500):
    row(f"head-{code}", site(b.head_refused(code)), UP, status=200, method="GET")
row("head-refused-get-500", site(b.head_refused(405, 500)), DOWN, "http_5xx", status=500, method="GET")
row("head-reset", site(b.head_breaks(b.resets())), UP, status=200, method="GET")
row("head-closed", site(b.head_breaks(b.closes_after_request())), UP, status=200, method="GET")
row("head-garbage", site(b.head_breaks(b.raw(b"what?\r\n\r\n"))), UP, status=200, method="GET")
row("only-head", site(b.head_refused(405)), DOWN, "http_4xx", {"method": "HEAD"}, status=405, method="HEAD")
row("only-get", site(b.head_refused(500)), UP, "none", {"method": "GET"}, method="GET")
row("patience-429", site(b.patience(429)), UP, "asks_patience", status=429)
row("patience-bare", site(b.status(429)), UP, "asks_patience", status=429, method="HEAD")
row("patience-503", site(b.patience(503)), DOWN, "http_5xx", status=503)
row("expect-429", site(b.patience(429)), UP, "none", {"expect": {"status": "200-299,429"}}, status=429)
row("waf", site(b.waf()), UP, "blocked_waf", status=403)
row("expect-204", site(b.healthy()), DOWN, "http_unexpected", {"expect": {"status": "204"}}, status=200)
row("expect-401", site(b.status(401)), UP, "none", {"expect": {"status": "200-299,401"}}, status=401)
row("interim", site(b.interim()), UP, status=204)

# ── bodies ───────────────────────────────────────────────────────────────────
FAR = b"." * (256 * 1024)
row("keyword", site(b.healthy(b"hay needle hay")), UP, "none", KEYWORD, method="GET")
row("keyword-absent", site(b.healthy(b"hay hay hay")), DOWN, "content", KEYWORD, status=200)
row("keyword-empty-body", site(b.healthy(b"")), DOWN, "content", KEYWORD)
row("keyword-too-far", site(b.healthy(FAR + b"needle")), DOWN, "content", KEYWORD)
row("keyword-just-there", site(b.healthy(FAR[:-6] + b"needle")), UP, "none", KEYWORD)
row("keyword-split", site(b.chunked([b"hay nee", b"dle hay"], pause=0.05)), UP, "none", KEYWORD)
row("keyword-letter-by-letter", site(b.chunked([bytes([x]) for x in b"a needle"], pause=0.01)), UP, "none", KEYWORD)
row("keyword-gzip", site(b.gzipped(b"hay " * 1000 + b"needle")), UP, "none", KEYWORD)
row("keyword-nginx", web("plain", "long"), DOWN, "content", KEYWORD)
row("endless-body", site(b.endless_body()), UP)
row("endless-body-keyword", site(b.endless_body()), DOWN, "content", KEYWORD)
row("gzip-bomb", site(b.gzip_bomb(64)), UP)
row("gzip-bomb-keyword", site(b.gzip_bomb(64)), DOWN, "content", KEYWORD)
row("drip", site(b.drip()), UP)
row("drip-keyword", site(b.drip(every=0.1)), DOWN, "timeout_body", KEYWORD)
row("closes-in-body", site(b.closes_in_body()), UP)
row("closes-in-body-keyword", site(b.closes_in_body()), DOWN, ("protocol", "closed"), KEYWORD)

# ── time ─────────────────────────────────────────────────────────────────────
row("slow", site(b.slow(0.5)), UP)
row("too-slow", site(b.slow(60)), DOWN, "timeout_wait")
row("never-answers", site(b.never_answers()), DOWN, "timeout_wait")
row("black-hole", lambda w, v, n: v.hole(n), DOWN, "connect_timeout")

# ── broken protocol ──────────────────────────────────────────────────────────
row("closes-at-once", site(b.closes_at_once()), DOWN, ("closed", "reset"))
row("closes-after-request", site(b.closes_after_request()), DOWN, "closed")
row("resets", site(b.resets()), DOWN, "reset")
row("resets-at-once", site(b.resets(after_request=False)), DOWN, ("reset", "closed"))
row("half-header", site(b.half_header()), DOWN, ("protocol", "closed"))
row("half-header-hangs", site(b.half_header(then_hang=True)), DOWN, "timeout_body")
row("endless-headers", site(b.endless_headers()), DOWN, "protocol")
row("endless-header-line", site(b.endless_header_line()), DOWN, "protocol")
row("ssh-banner", site(b.banner()), DOWN, "protocol")
row("garbage", site(b.raw(b"\x00\x01\x02\x03 not at all\n\n")), DOWN, "protocol")
row("no-listener", site(b.healthy(), listen=False), DOWN, "connect_refused")

# ── redirects ────────────────────────────────────────────────────────────────
row("chain-1", site(b.chain(1)), UP, status=200)
row("chain-3", site(b.chain(3)), UP, status=200)
row("chain-10", site(b.chain(10)), UP)
row("chain-11", site(b.chain(11)), DOWN, "redirect_loop")
for code in (301, 303, 307, 308):
    row(f"redirect-{code}", site(b.chain(1, code)), UP)
row("circle", site(b.circle()), DOWN, "redirect_loop")
row("to-itself", site(b.redirect("/")), DOWN, "redirect_loop")
row("to-file", site(b.redirect("file:///etc/passwd")), DOWN, "redirect_bad")
row("to-ftp", site(b.redirect("ftp://files.test/")), DOWN, "redirect_bad")
row("to-nowhere", site(b.redirect(None)), DOWN, "redirect_bad")
row("to-no-such-host", site(b.redirect("http://no-such-host.test/")), DOWN, "dns_nxdomain")


def to_other(world, village, name):
    other = village.site(name + "-target", b.healthy(b"here is the needle"))
    return village.site(name, b.redirect(other.url("/there"))).url()


row("to-other-host", to_other, UP, status=200)
row("to-other-host-keyword", to_other, UP, "none", KEYWORD)
row("to-https", lambda w, v, n: v.site(n, b.redirect(w.web.sites["good-p256"].url)).url(), UP)
row(
    "to-expired", lambda w, v, n: v.site(n, b.redirect(w.web.sites["expired"].url)).url(), DOWN, "cert_expired",
)

# ── TLS and certificates ─────────────────────────────────────────────────────
row("tls-p256", web("good-p256"), UP, status=200)
row("tls-rsa", web("good-rsa"), UP, status=200)
row("tls-wildcard", web("wildcard"), UP)
row("tls-1.2", web("tls12"), UP)
row("tls-by-number", web("by-number"), UP)
row("cert-expired", web("expired"), DOWN, "cert_expired")
row("cert-not-yet", web("not-yet"), DOWN, "cert_not_yet_valid")
row("cert-wrong-name", web("wrong-name"), DOWN, "cert_name")
row("cert-unknown-issuer", web("unknown-issuer"), DOWN, "cert_untrusted")
row("cert-self-signed", web("self-signed"), DOWN, "cert_untrusted")
row("cert-no-chain", web("no-chain"), DOWN, "cert_untrusted")
row("cert-expired-wrong-name", web("expired-wrong-name"), DOWN, ("cert_expired", "cert_name"))
row("http-to-tls-port", lambda w, v, n: w.web.sites["good-p256"].url.replace("https", "http"), DOWN, "http_4xx")
row("tls-to-http-port", lambda w, v, n: w.web.sites["plain"].url.replace("http", "https"), DOWN, "tls_handshake")
row("tls-to-patient-http-port", tls(b.healthy()), DOWN, "tls_timeout")
row("tls-to-ssh", tls(b.banner()), DOWN, "tls_handshake")
row("tls-closed", tls(b.closes_at_once()), DOWN, "tls_handshake")
row("tls-reset", tls(b.resets(after_request=False)), DOWN, ("tls_handshake", "reset"))
row("tls-silence", tls(b.swallow()), DOWN, "tls_timeout")

# ── names and addresses ──────────────────────────────────────────────────────
row("nxdomain", named("there-is-no-such.test"), DOWN, "dns_nxdomain")
row("nodata", named("nodata.test"), DOWN, "dns_nodata")
row("servfail", named("servfail.test"), DOWN, "dns_servfail")
row("dns-hole", named("hole.test"), DOWN, "dns_timeout")


def several(world, village, name, *states):
    """One name, several addresses; only the last has a site that listens."""
    addresses = []
    for i, state in enumerate(states):
        s = village.site(f"{name}-{i}", b.healthy(), host=f"{name}.test", listen=state == "well")
        addresses.append(s.address)
    world.resolver.name(f"{name}.test", *addresses)
    return s.url()


row("first-address-dead", lambda w, v, n: several(w, v, n, "dead", "well"), UP)
row("two-addresses-dead", lambda w, v, n: several(w, v, n, "dead", "dead", "well"), UP)
row("all-addresses-dead", lambda w, v, n: several(w, v, n, "dead", "dead"), DOWN, "connect_refused")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
            return True
    except OSError:
        return False


def six_only(world, village, name):
    return village.site(name, b.healthy(), host=f"{name}.test", address="::1").url()


if has_ipv6():
    row("ipv6-only", six_only, UP)


@pytest.fixture(scope="module")
def answers(world):
    """Every row looked at: {row name: (answer, site or None)}."""
    village = Village(world.resolver, world.background)
    urls = {r.name: r.make(world, village, r.name) for r in ROWS}
    # Two rows may look at one URL with different expectations: the second gets a query.
    taken = set()
    for name, url in urls.items():
        if url in taken:
            urls[name] = f"{url}?{name}"
        taken.add(urls[name])
    sites = [
        {"url": urls[r.name], "name": r.name, "timeout": f"{int(TIMEOUT * 1000)}ms", **r.more} for r in ROWS
    ]
    path = world.pki.folder / "rows.yaml"
    path.write_text(yaml.safe_dump({"sites": sites}))
    said_by_url, said = check(
        "-f", path, resolver=world.resolver.address, ca_file=world.pki.ca_file, sets=["worker.ipv6=1"], within=60
    )
    yield {r.name: said_by_url.get(urls[r.name]) for r in ROWS}, village, said
    village.close()


@pytest.mark.parametrize("r", ROWS, ids=lambda r: r.name)
def test_row(answers, r):
    answer = answers[0][r.name]
    assert answer, f"nothing was said of it: {answers[2].err[-2000:]}"
    assert answer["verdict"] == r.verdict and answer["cause"] in r.causes, answer
    for member, value in r.seen.items():
        assert answer[member] == value, (member, answer)


def test_every_row_was_said_once_and_the_exit_status_is_that_of_down(answers):
    _, _, said = answers
    assert said.status == 2, said.err
    urls = [x["url"] for x in said.lines()]
    assert len(urls) == len(set(urls)) == len(ROWS)


def test_an_answer_has_all_its_members(answers):
    for answer in answers[0].values():
        for member in ("url", "verdict", "cause", "status", "method", "time_ms", "phases", "address", "tls_expires",
                       "detail"):
            assert member in answer, (member, answer)


def test_a_healthy_site_costs_one_head(answers):
    visits = answers[1].sites["healthy"].visits
    assert [v.method for v in visits] == ["HEAD"]
    assert "vedette" in visits[0].agent.lower()


def test_a_refused_head_costs_one_get_more(answers):
    assert [v.method for v in answers[1].sites["head-405"].visits] == ["HEAD", "GET"]


def test_get_alone_when_the_list_says_so(answers):
    assert [v.method for v in answers[1].sites["only-get"].visits] == ["GET"]


def test_redirects_are_followed_in_order_and_each_place_is_asked_once(answers):
    paths = [v.path.split("?")[0] for v in answers[1].sites["chain-3"].visits]
    assert paths == ["/", "/1", "/2", "/3"]
    assert [v.path for v in answers[1].sites["to-other-host-target"].visits] == ["/there"]


def test_a_redirect_loop_is_left_early(answers):
    assert len(answers[1].sites["chain-11"].visits) <= 2 * 12
    assert len(answers[1].sites["to-itself"].visits) <= 4


def test_nothing_is_sent_to_a_site_whose_certificate_is_bad(answers, world):
    host = world.web.sites["wrong-name"].host
    assert not [line for line in world.web.asked() if host in line]


def test_the_end_of_the_certificate_is_told_also_of_bad_ones(answers, world):
    for name, slug in (("tls-p256", "good-p256"), ("tls-rsa", "good-rsa"), ("cert-expired", "expired"),
                       ("cert-wrong-name", "wrong-name")):
        told = answers[0][name]["tls_expires"]
        assert told, answers[0][name]
        at = datetime.datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp()
        assert abs(at - world.web.sites[slug].ends) < 2, (name, told)


def test_the_phases_say_where_the_time_went(answers):
    slow = answers[0]["slow"]
    assert slow["phases"]["wait_ms"] >= 450
    assert slow["time_ms"] >= 450
    secure = answers[0]["tls-rsa"]
    assert secure["phases"]["tls_ms"] > 0
    assert answers[0]["healthy"]["phases"]["tls_ms"] == 0
    lost = answers[0]["black-hole"]
    assert lost["phases"]["connect_ms"] >= TIMEOUT * 800 / 2


def test_the_keyword_ends_the_reading(answers):
    """An endless body is not read for ever: the whole call ends soon after the slowest timeout."""
    assert answers[0]["endless-body-keyword"]["time_ms"] < TIMEOUT * 1000


def test_time_is_that_of_the_timeout(answers):
    for name in ("too-slow", "never-answers", "drip-keyword"):
        took = answers[0][name]["time_ms"]
        assert TIMEOUT * 1000 * 0.9 <= took <= TIMEOUT * 1000 * 1.5 + 200, (name, took)


def test_a_public_name_is_asked_for_once(answers, world):
    """Two addresses families, one question each, also when HEAD and GET follow each other."""
    assert world.resolver.queries("head-405.test") <= 4

