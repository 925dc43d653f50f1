"""However many sites live in one place, it is not crowded by us."""

import json
import subprocess
import time
from email.utils import formatdate

import pytest

from harness import behaviours as b
from harness import guestbook
from harness.patience import until
from harness.process import program
from harness.programs import BIN, environment
from harness.stories import quick, rounds

ADDRESS = "203.0.113.9"  # RFC 5737: nobody's


def may_unshare():
    done = subprocess.run([program("unshare"), "-rn", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return done.returncode == 0


private_network = pytest.mark.skipif(not may_unshare(), reason="this machine lets nobody make a network of its own")


@private_network
def test_a_person_waits_for_his_turn(tmp_path):
    """vedette check looks at all of a long list of one host, and the host hardly notices."""
    book = tmp_path / "book"
    (tmp_path / "urls").write_text("".join(f"http://{ADDRESS}:8000/{i}\n" for i in range(60)))
    began = time.monotonic()
    done = subprocess.run(
        [*guestbook.alone_with(book, ADDRESS, 8000, 0.1), BIN / "vedette", "check", "--json", "--timeout", "2s", "-f",
         tmp_path / "urls"], capture_output=True, timeout=120, env=environment(), check=False,
    )
    took = time.monotonic() - began
    assert done.returncode == 0, done
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 60
    guests = guestbook.read(book)
    assert len(guests) == 60
    assert guestbook.most_at_once(guests) <= 8 and guestbook.most_in_a_second(guests) <= 51
    assert took >= 60 / 51, "all at once would have taken a tenth of a second"
    assert max(a["time_ms"] for a in answers) < 1500, "to wait is not the site's time"


@private_network
def test_a_worker_crowds_nobody_and_calls_nobody_down(cluster, tmp_path):
    """Thirty sites, each every second, where five a second may be: what is too much is unknown, and said to be."""
    book = tmp_path / "book"
    cluster.settings.update({"worker.allow": f"{ADDRESS}/32", "polite.address_at_once": "2",
                             "polite.address_per_s": "5", "polite.wait": "1s", "worker.slots": "500"})
    cluster.apply(sites=[quick(f"site-{i}", f"http://{ADDRESS}:8000/{i}", every="1s") for i in range(30)])
    cluster.begin("coordinator")
    cluster.begin("collector")
    cluster.begin("worker", wrap=guestbook.alone_with(book, ADDRESS, 8000, 0.05))
    rounds(cluster, "site-7", 6, within=20)
    guests = guestbook.read(book)
    assert len(guests) >= 20
    assert guestbook.most_at_once(guests) <= 2 and guestbook.most_in_a_second(guests) <= 6
    looks = [x for i in range(30) for x in cluster.ledger.looks(f"site-{i}")]
    seen = {(x.verdict, x.cause) for x in looks}
    assert seen == {("up", "none"), ("unknown", "held_back")}, seen
    assert len({place for _, _, place in guests}) >= 10, "not always the same ones"
    until(lambda: cluster.ledger.vitals()["missed"] > 0, 5, "what was held back is missing in the coverage")
    assert not cluster.ledger.incidents()


@pytest.mark.long
@private_network
def test_a_dead_host_of_many_sites_is_told_by_all_of_them(cluster, tmp_path):
    """Twelve sites where six may be looked at, and each look hangs: nobody waits until the others' timeouts."""
    cluster.settings.update({"worker.allow": f"{ADDRESS}/32", "polite.address_at_once": "6", "polite.wait": "4s"})
    slow = {"every": "10s", "timeout": "6s", "confirm": {"looks": 0}}
    names = [f"site-{i}" for i in range(12)]
    cluster.apply(sites=[quick(n, f"http://{ADDRESS}:8000/{n}", **slow) for n in names])
    cluster.begin("coordinator")
    cluster.begin("collector")
    cluster.begin("worker", wrap=guestbook.alone_with(tmp_path / "book", ADDRESS, 8000, "dead"))
    until(
        lambda: all(cluster.ledger.incidents(n) for n in names), 20,
        lambda: f"all are down: {[(n, cluster.ledger.health(n), cluster.ledger.tail(n)) for n in names]}",
    )
    assert {cause for _, _, cause, _, _ in cluster.ledger.incidents()} == {"connect_timeout"}
    first = [cluster.ledger.looks(n)[0] for n in names]
    assert {(x.verdict, x.cause) for x in first} == {("down", "connect_timeout")}, "nobody was sent away"


@private_network
def test_workers_share_what_one_address_may_be_asked(cluster, tmp_path):
    """Two of them, each before the same address, which is asked ten times a second by both together."""
    books = [tmp_path / "one", tmp_path / "other"]
    cluster.settings.update({"worker.allow": f"{ADDRESS}/32", "polite.address_per_s": "10", "polite.wait": "1s"})
    cluster.apply(sites=[quick(f"site-{i}", f"http://{ADDRESS}:8000/{i}", every="1s") for i in range(40)])
    cluster.begin("coordinator")
    cluster.begin("collector")
    for book in books:
        cluster.begin("worker", name=book.name, wrap=guestbook.alone_with(book, ADDRESS, 8000, 0.05))

    def guests():  # of both, from when each had heard of the other
        both = [guestbook.read(book) if book.exists() else [] for book in books]
        since = max(g[0][0] if g else float("inf") for g in both) + 3
        return [[guest for guest in g if guest[0] >= since] for g in both]

    until(lambda: all(len(g) >= 15 for g in guests()), 20, lambda: f"few came: {guests()}")
    one, other = guests()
    assert guestbook.most_in_a_second(one) <= 6 and guestbook.most_in_a_second(other) <= 6
    assert guestbook.most_in_a_second([*one, *other]) <= 12


def test_this_host_is_nobody_else(cluster, village):
    """Loopback has no ceiling: who rehearses here need not set anything."""
    shop = village.site("shop", b.healthy())
    cluster.settings.update({"polite.address_at_once": "1", "polite.address_per_s": "1", "polite.wait": "0s"})
    cluster.apply(sites=[quick(f"site-{i}", shop.url(f"/{i}")) for i in range(10)])
    cluster.start()
    for i in (0, 9):
        rounds(cluster, f"site-{i}", 3, "up")
    assert {x.verdict for i in range(10) for x in cluster.ledger.looks(f"site-{i}")} == {"up"}


def test_a_domain_is_not_crowded_by_all_workers_together(cluster, village):
    """Thirty hosts of one domain, looked at by two workers: two at once, five a second; another domain is on time."""
    sites = [village.site(f"crowd-{i}", b.slow(0.05), host=f"h{i}.crowd.co.uk") for i in range(30)]
    alone = village.site("alone", b.healthy(), host="alone.co.uk")
    cluster.settings.update({"polite.domain_at_once": "2", "polite.domain_per_s": "5"})
    cluster.apply(sites=[quick(s.name, s.url(), every="2s") for s in [*sites, alone]])
    cluster.start(workers=("one", "other"))
    rounds(cluster, "alone", 5, "up", within=25)
    visits = sorted(v.at for s in sites for v in s.visits)
    assert len(visits) >= 20
    assert max(sum(t <= other < t + 0.95 for other in visits) for t in visits) <= 6
    looks = [x for s in sites for x in cluster.ledger.looks(s.name)]
    assert {(x.verdict, x.cause) for x in looks} == {("up", "none"), ("unknown", "held_back")}
    assert {x.worker for x in looks if x.verdict == "up"} == {"one", "other"}
    assert len([s for s in sites if s.visits]) >= 20, "each has its turn now and then"
    assert {x.verdict for x in cluster.ledger.looks("alone")} == {"up"}
    assert not cluster.ledger.incidents()


def test_a_domain_with_many_dead_sites_is_looked_at_all_over(cluster, village):
    """Eight of its hosts hang until the timeout, four turns, five seconds: all are told, and the others are on time."""
    dead = [village.site(f"dead-{i}", b.never_answers(), host=f"d{i}.crowd.co.uk") for i in range(8)]
    fine = [village.site(f"fine-{i}", b.healthy(), host=f"f{i}.crowd.co.uk") for i in range(4)]
    cluster.settings.update({"polite.domain_at_once": "4"})
    cluster.apply(sites=[quick(s.name, s.url(), every="5s", timeout="4s", confirm={"looks": 0}) for s in [*dead, *fine]])
    cluster.start(workers=("one", "other"))
    until(lambda: all(cluster.ledger.incidents(s.name) for s in dead), 20, "not every dead site is told")
    until(lambda: all(len(cluster.ledger.looks(s.name)) >= 2 for s in fine), 10, "the others are not on time")
    looks = [x for s in [*dead, *fine] for x in cluster.ledger.looks(s.name)]
    assert {(x.verdict, x.cause) for x in looks} == {("up", "none"), ("down", "timeout_wait")}, "none was held back"


def test_a_site_that_asks_for_patience_is_left_alone_by_all(cluster, village):
    """429 and Retry-After: up, no worker comes again before the time, each slot has its line; then it goes on."""
    in_seconds = village.site("in-seconds", b.patience(429, seconds=4))
    by_date = village.site("by-date", b.status(429, (f"Retry-After: {formatdate(time.time() + 3600, usegmt=True)}",)))
    wanted = village.site("wanted", b.patience(429, seconds=600))
    cluster.apply(sites=[
        quick("in-seconds", in_seconds.url()), quick("by-date", by_date.url()),
        quick("wanted", wanted.url(), expect={"status": "429"}),
    ])
    cluster.start(workers=("one", "other"))
    rounds(cluster, "in-seconds", 1, "up")
    in_seconds.becomes(b.healthy())
    in_seconds.wait_visits(4, within=15)
    came = [v.at for v in in_seconds.visits]
    assert min(later - came[0] for later in came[1:]) >= 3.5, came  # a slot that is out meanwhile is not called back
    looks = cluster.ledger.looks("in-seconds")
    assert {x.verdict for x in looks} == {"up"}
    assert sum(x.cause == "asks_patience" for x in looks) >= 3
    assert cluster.ledger.looks("in-seconds")[-1].cause == "none"
    assert not cluster.ledger.gaps("in-seconds")

    assert len(by_date.visits) == 1
    assert {(x.verdict, x.cause) for x in cluster.ledger.looks("by-date")} == {("up", "asks_patience")}
    said = cluster.cli("explain", "by-date")
    assert "left alone" in said.out, said
    assert len(wanted.visits) >= 4, "who accepts 429 has a rule of his own"
    assert {(x.verdict, x.cause) for x in cluster.ledger.looks("wanted")} == {("up", "none")}
    assert not cluster.ledger.incidents()
