"""Machines that cannot see the internet: what they do not know they do not claim."""

import subprocess

import pytest

from harness import behaviours as b
from harness import dns
from harness.patience import until
from harness.process import free_port, program
from harness.programs import check
from harness.stories import owner, quick, rounds

NAMES = ["http://example.com", "http://google.com", "https://github.com", "http://there-is-no-such.test"]


@pytest.fixture(scope="module")
def closed():
    r = dns.Resolver(dns.CLOSED)
    yield r
    r.close()


@pytest.fixture
def silent():
    r = dns.Silent()
    yield r
    r.close()


def test_a_closed_resolver_is_not_believed(closed):
    answers, said = check(*NAMES, "--timeout", "3s", resolver=closed.address)
    assert said.status == 3, said
    assert {(a["verdict"], a["cause"]) for a in answers.values()} == {("unknown", "dns_closed")}


def test_a_resolver_that_is_not_there(closed):
    answers, said = check(*NAMES, "--timeout", "2s", resolver=dns.dead_address())
    assert said.status == 3, said
    assert {a["verdict"] for a in answers.values()} == {"unknown"}
    assert {a["cause"] for a in answers.values()} <= {"dns_ours", "dns_closed"}, answers


def test_a_resolver_that_never_answers(silent):
    answers, said = check(*NAMES, "--timeout", "2s", resolver=silent.address)
    assert said.status == 3, said
    assert {a["verdict"] for a in answers.values()} == {"unknown"}
    assert {a["cause"] for a in answers.values()} <= {"dns_ours", "dns_closed"}, answers


def test_addresses_need_no_resolver(closed, village):
    site = village.site("numeric", b.healthy(), host=None)
    url = f"http://{site.address}:{site.port}/"
    answers, said = check(url, *NAMES, "--timeout", "3s", resolver=closed.address)
    assert said.status == 3
    assert answers[url]["verdict"] == "up"
    site.becomes(b.status(500))
    answers, said = check(url, *NAMES, "--timeout", "3s", resolver=closed.address)
    assert said.status == 2, "one that is down outweighs those that are unknown"


@pytest.mark.parametrize("kind", ["closed", "dead", "silent"])
def test_a_cluster_behind_such_a_resolver_tells_nobody(cluster, village, mail, closed, silent, kind):
    shop = village.site("shop", b.healthy())
    address = {"closed": closed.address, "dead": dns.dead_address(), "silent": silent.address}[kind]
    cluster.settings.update({"worker.resolver": address, "mail.server": mail.url})
    cluster.apply(
        owners=[owner("us", "mailto:us@watch.test")],
        sites=[quick("shop", shop.url(), owner="us"),
               quick("gone", "http://there-is-no-such.test/", owner="us")],
    )
    cluster.start()
    cluster.wait_health("shop", "unknown")
    rounds(cluster, "shop", 3, "unknown")
    rounds(cluster, "gone", 1, "unknown")
    assert cluster.ledger.health("gone") == "unknown"
    assert not cluster.ledger.incidents() and not mail.messages
    assert not shop.visits


def may_unshare():
    return subprocess.run(
        [program("unshare"), "-rn", "true"], capture_output=True, check=False
    ).returncode == 0


@pytest.mark.long
@pytest.mark.skipif(not may_unshare(), reason="this machine lets nobody make a network of its own")
def test_a_worker_whose_network_is_cut_calls_nothing_down(cluster, village, mail):
    """It still hears the coordinator (the lanes are ipc://), and sees nothing of the world."""
    shop = village.site("shop", b.healthy())
    number = f"http://{shop.address}:{shop.port}/"
    cluster.settings["mail.server"] = mail.url
    cluster.apply(
        owners=[owner("us", "mailto:us@watch.test")],
        sites=[quick("by-name", shop.url(), owner="us"), quick("by-number", number, owner="us")],
    )
    cluster.start(workers=())
    cluster.begin("worker", "island", wrap=(program("unshare"), "-rn"))
    rounds(cluster, "by-name", 4)
    rounds(cluster, "by-number", 4)
    for site in ("by-name", "by-number"):
        assert {x.verdict for x in cluster.ledger.looks(site)} == {"unknown"}, cluster.ledger.tail(site)
    assert not cluster.ledger.incidents() and not mail.messages and not shop.visits

    # A second worker that sees the world: what it looks at is up, still nobody is told anything.
    cluster.begin("worker", "mainland")
    until(lambda: len(shop.visits) >= 6, 20, "the mainland looks")
    rounds(cluster, "by-name", 6)
    for site in ("by-name", "by-number"):
        assert "down" not in {x.verdict for x in cluster.ledger.looks(site)}
        assert {x.verdict for x in cluster.ledger.looks(site) if x.worker == "mainland"} <= {"up"}
    assert not cluster.ledger.incidents() and not mail.messages


def test_a_real_outage_is_told_although_one_worker_sees_nothing(cluster, village, mail, closed):
    shop = village.site("shop", b.healthy())
    cluster.settings["mail.server"] = mail.url
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("shop", shop.url(), owner="us")])
    cluster.start(workers=("mainland",))
    cluster.begin("worker", "island", sets=[f"worker.resolver={closed.address}"])
    rounds(cluster, "shop", 4, "up", within=20)
    shop.becomes(b.status(503))
    mail.wait(1, "[down]", within=25)
    shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=25)
    rounds(cluster, "shop", 3)
    assert len(mail.messages) == 2


# ── addresses that this worker may not look at ───────────────────────────────


def test_a_private_address_is_not_looked_at_unless_allowed(cluster, village, mail):
    allowed, private = village.site("allowed", b.healthy()), village.site("private", b.healthy())
    leads_there = village.site("leads-there", b.redirect(private.url()))
    cluster.settings.update({"worker.allow": f"{allowed.address}/32, {leads_there.address}/32",
                             "mail.server": mail.url})
    cluster.apply(
        owners=[owner("us", "mailto:us@watch.test")],
        sites=[quick(s.name, s.url(), owner="us") for s in (allowed, private, leads_there)]
        + [quick("numeric", f"http://{private.address}:{private.port}/", owner="us")],
    )
    cluster.start()
    cluster.wait_health("allowed", "up")
    for name in ("private", "numeric"):
        cluster.wait_health(name, "unknown")
        assert {x.cause for x in cluster.ledger.looks(name)} == {"policy"}
    cluster.wait_health("leads-there", "down")
    assert {x.cause for x in cluster.ledger.looks("leads-there")} == {"redirect_bad"}
    assert not private.visits and not private.connections
    mail.wait(1, "leads-there")
    assert len(mail.messages) == 1


# How the numbers of a site on this machine can be written, and where each is refused.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
    "0x7f.0x0.0x0.0x1", "127.000.000.001", "127.0.0.1.", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "localhost", "a.localhost", "LOCALHOST.",
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", "0",
    "169.254.169.254", "0xa9fea9fe", "10.1", "[fd00:ec2::254]", "[fe80::1]",
]


@pytest.fixture
def loopback(village):
    """A site that listens on 127.0.0.1, where most spellings lead."""
    return village.site("loopback", b.healthy(), host="127.0.0.1", address="127.0.0.1", port=free_port())


def test_no_spelling_of_a_private_address_is_looked_at(world, loopback):
    urls = [f"http://{host}:{loopback.port}/" for host in SPELLINGS]
    answers, said = check(*urls, "--public-only", "--timeout", "5s", resolver=world.resolver.address)
    assert said.status == 3, said
    assert {(a["verdict"], a["cause"]) for a in answers.values()} == {("unknown", "policy")}, answers
    assert not loopback.connections
    answers, said = check(f"http://2130706433:{loopback.port}/", resolver=world.resolver.address)
    assert said.status == 0 and loopback.connections == 1, "who asks for it without --public-only gets it"


def test_no_redirect_leads_to_one(world, village, loopback):
    """The site that redirects may be looked at, the place that it names may not."""
    sites = [village.site(f"leads-{i}", b.redirect(f"http://{host}:{loopback.port}/".encode("utf-8").decode("latin-1")))
             for i, host in enumerate(SPELLINGS)]
    named = village.site("leads-by-name", b.redirect(f"http://inside.test:{loopback.port}/"))
    world.resolver.name("inside.test", "127.0.0.1")
    allowed = ", ".join(f"{s.address}/32" for s in [*sites, named])
    answers, said = check(*(s.url() for s in [*sites, named]), "--public-only", "--timeout", "5s",
                          resolver=world.resolver.address, sets=[f"worker.allow={allowed}"])
    assert said.status == 2, said
    assert {(a["verdict"], a["cause"]) for a in answers.values()} == {("down", "redirect_bad")}, answers
    assert not loopback.connections
    assert all(len(s.visits) == 2 for s in [*sites, named]), "HEAD, then GET to be sure"


def test_a_name_may_not_lead_inside(world, loopback):
    """A public name with a private address, of either family, and with both a public and a private one."""
    world.resolver.name("sneaky.test", "127.0.0.1")
    world.resolver.name("sneaky6.test", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
    urls = [f"http://{name}.test:{loopback.port}/" for name in ("sneaky", "sneaky6")]
    answers, said = check(*urls, "--public-only", "--timeout", "5s", resolver=world.resolver.address)
    assert {(a["verdict"], a["cause"]) for a in answers.values()} == {("unknown", "policy")}, answers
    assert not loopback.connections
