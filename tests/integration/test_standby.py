"""Two coordinators and two collectors at one store: one of each acts, the other waits and takes over,
whatever becomes of the first; the outage goes on as the one that it is, and is told once."""

import re
import signal
import time

import pytest

from harness import behaviours as b
from harness.cluster import Cluster
from harness.patience import FACTOR, stays, until
from harness.postgres import Server
from harness.scrape import Page, get, shown
from harness.stories import gapless, owner, quick, rounds

BAD = b.status(503)
BOTH = ("coordinator", "collector")
LEASE = 3  # seconds, the shortest that there is; by default ten


@pytest.fixture(scope="module")
def own():
    """A server that may be ended."""
    with Server() as server:
        yield server


@pytest.fixture
def cluster(world, own):
    with Cluster(world, database=own.schema()) as c:
        c.settings.update({"standby.lease": f"{LEASE}s", "metrics.coordinator": "127.0.0.1:0",
                           "metrics.collector": "127.0.0.1:0"})
        lanes = {lane: c.settings[f"endpoint.{lane}"] for lane in ("control", "results", "feed", "feedback", "jobs")}
        c.settings["worker.coordinators"] = f"{lanes['control']},{lanes['control']}-2"
        c.elsewhere = [f"endpoint.{lane}={at}-2" for lane, at in lanes.items()]
        yield c


def begin_second(cluster, part):
    """As on another host: with endpoints of its own; of them only workers are told, of the one for control."""
    return cluster.begin(part, name=f"second {part}", sets=cluster.elsewhere)


@pytest.fixture
def shop(cluster, village, mail):
    """It is watched by the first pair; the second waits. It is down, and that is told."""
    site = village.site("shop", b.healthy())
    cluster.settings["mail.server"] = mail.url
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("shop", site.url(), owner="us")])
    cluster.start(workers=("anna", "bert"))
    for part in BOTH:
        begin_second(cluster, part).says(rf"{part}\.standby .*process {cluster.daemon[part].pid} on \S+ acts")
    cluster.wait_health("shop", "up")
    site.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 15, "it is told")
    rounds(cluster, "shop", 1, "down")
    return site


def goes_on(cluster, mail, shop):
    """Still the same outage; then it is over: the owner got two mails, and no slot is missing or there twice."""
    [(incident, ending, *_)] = cluster.ledger.incidents("shop")
    assert ending == "open"
    rounds(cluster, "shop", 2, "down", within=30)
    shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=20)
    rounds(cluster, "shop", 2, "up", within=25)
    assert [m.subject.split()[0] for m in mail.messages] == ["[down]", "[back]"]
    assert [i[:2] for i in cluster.ledger.incidents("shop")] == [(incident, "recovered")]
    assert all(p.alive() for p in cluster.daemon.values()), [p.name for p in cluster.daemon.values() if not p.alive()]
    gapless(cluster, "shop")


def taken_over(cluster, part, within):
    """The second one has the part, in time."""
    cluster.daemon[f"second {part}"].says(rf"{part}\.leads ", within=within)


@pytest.mark.parametrize("part", BOTH)
def test_killed(cluster, shop, mail, part):
    cluster.daemon.pop(part).kill()
    taken_over(cluster, part, 10)
    second = cluster.daemon[f"second {part}"].pid
    assert f"{part} on " in (said := cluster.cli("status").out) and f"(process {second}) since " in said, said
    assert cluster.ask("status")[0]["acting"][part]["process"] == second
    goes_on(cluster, mail, shop)


def test_handed_over(cluster, shop, mail):
    """Both are ended in good order, one after the other."""
    for part in BOTH:
        first = cluster.daemon.pop(part)
        first.send(signal.SIGTERM)
        taken_over(cluster, part, 8)
        assert first.ended(15) == 0, first.said()[-2000:]
    goes_on(cluster, mail, shop)


def test_frozen_and_awake_again(cluster, shop, mail):
    """Stopped, they keep their connections and their locks; awake, they are refused, say so and end."""
    firsts = {part: cluster.daemon.pop(part) for part in BOTH}
    frozen = time.monotonic()
    for first in firsts.values():
        first.send(signal.SIGSTOP)
    try:
        for part in BOTH:
            taken_over(cluster, part, 5 * LEASE)
        assert time.monotonic() - frozen > LEASE - 1, "no sooner than their leases allow"
        rounds(cluster, "shop", 1, "down", within=30)
    finally:
        for first in firsts.values():
            first.send(signal.SIGCONT)
    for part, first in firsts.items():
        assert first.ended(15) == 13, first.said()[-2000:]
        assert "another process has taken over our part" in first.said()
    goes_on(cluster, mail, shop)


def test_the_database_goes_away_and_comes_back(cluster, own, shop, mail):
    """Without it nobody knows who leads: no look is given out beyond the lease. Then the same pair goes on."""
    own.crash()
    try:
        cluster.daemon["coordinator"].says(r"coordinator\.lapsed ", within=15)
        at = shown(cluster.daemon["coordinator"])
        until(lambda: "lapsed: " in get(at, "/-/ready")[1], 10, lambda: get(at, "/-/ready"))
        asked = until(lambda: settled(shop), 10, "looks that are out have ended")
        stays(lambda: len(shop.visits) == asked, 2, "nobody looks")
    finally:
        own.start()
    cluster.daemon["coordinator"].says(r"coordinator\.leads_again ", within=15)
    goes_on(cluster, mail, shop)
    for part in BOTH:
        assert f"{part}.leads " not in cluster.daemon[f"second {part}"].said(), "who waits lets the other come back"


def settled(site, for_s=1.0):
    """How many visits there were, when there have been none for that long."""
    before = len(site.visits)
    time.sleep(for_s * FACTOR)
    return before if len(site.visits) == before else 0


def test_one_that_waits(cluster):
    """It is healthy and not ready, shows who acts, needs no CPU, and ends at once when it is told to."""
    cluster.apply(sites=[])
    for part in BOTH:
        first, second = cluster.begin(part), begin_second(cluster, part)
        at = shown(second)
        assert get(at, "/-/healthy") == (200, "healthy\n")
        status, why = get(at, "/-/ready")
        assert status == 503 and re.fullmatch(
            rf"\S+: standby: process {first.pid} on \S+ acts as {part} since \d\S+Z\n", why), why
        assert Page(at).value(f"vedette_{part}_leads") == 0
        there = shown(first)
        until(lambda there=there: get(there, "/-/ready")[0] == 200, 10, "the first one is ready")
        assert Page(there).value(f"vedette_{part}_leads") == 1
        assert 0 < Page(there).value(f"vedette_{part}_lease_seconds") <= LEASE
        before = Page(at).value("process_cpu_seconds_total")
        stays(second.alive, 1, "it waits")
        assert Page(at).value("process_cpu_seconds_total") - before < 0.1 * FACTOR
        began = time.monotonic()
        second.send(signal.SIGTERM)
        assert second.ended(10) == 0
        assert time.monotonic() - began < 2 * FACTOR
        cluster.daemon.pop(f"second {part}")


def test_a_coordinator_that_starts_finds_the_collector_that_acts(cluster, shop, mail):
    """The second collector took over; a coordinator whose settings name the first one's endpoints learns it."""
    cluster.daemon.pop("collector").kill()
    taken_over(cluster, "collector", 10)
    cluster.daemon.pop("second coordinator").stop()
    cluster.daemon.pop("coordinator").stop()
    cluster.begin("coordinator").says(r"collector\.moved results=\S+-2 ", within=10)
    goes_on(cluster, mail, shop)
