"""TLS sessions are resumed, and never where it matters that the site shows its certificate anew."""

import ssl

import pytest

from harness import behaviours as b
from harness.stories import owner, quick, rounds


@pytest.fixture
def site(cluster, village, world):
    """site(name): a site over HTTPS, and its line of the list."""

    def make(name, newest=ssl.TLSVersion.TLSv1_3, **how):
        leaf = world.pki.leaf(f"resume-{name}", f"{name}.test")
        s = village.site(name, b.healthy(), tls=leaf.context(newest))
        return s, quick(name, s.url(), owner="us", **how)

    return make


def begin(cluster, *lines):
    cluster.apply(owners=[owner("us", "console:")], sites=lines)
    cluster.start()  # one worker with one thread: who confirms has the session of who saw it fail


def handshakes(visits):
    return ["resumed" if v.resumed else "full" for v in visits]


def test_who_looks_again_resumes_unless_the_site_wants_none_of_it(cluster, site):
    shop, first = site("shop")
    old, second = site("old", newest=ssl.TLSVersion.TLSv1_2)
    strict, third = site("strict", full_handshake=True)
    begin(cluster, first, second, third)
    for s in (shop, old, strict):
        s.wait_visits(5)
    assert handshakes(shop.visits) == ["full"] + ["resumed"] * (len(shop.visits) - 1)
    assert handshakes(old.visits) == ["full"] + ["resumed"] * (len(old.visits) - 1)
    assert set(handshakes(strict.visits)) == {"full"}


def test_who_confirms_believes_nothing_of_before(cluster, site):
    """The look that saw it fail had resumed; the two that confirm it do not, whatever the first was given."""
    shop, line = site("shop", every="1s", timeout="900ms")
    begin(cluster, line)
    shop.wait_visits(2)
    cluster.wait_health("shop", "up")
    shop.becomes(b.status(503))
    cluster.wait_health("shop", "down")
    rounds(cluster, "shop", 1, "down")
    well = cluster.ledger.count("shop", "up")
    kinds = handshakes(shop.visits)
    assert kinds[:well] == ["full"] + ["resumed"] * (well - 1)
    assert kinds[well : well + 4] == ["resumed", "full", "full", "resumed"], kinds
    assert [x.look for x in cluster.ledger.looks("shop") if x.look > 0] == [1, 2]
