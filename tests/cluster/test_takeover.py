"""Two hosts that control, each with a coordinator and a collector: one of each acts. Whatever becomes of
that host, the other one takes over in time, in the middle of an outage: with the same grid and the same
incident, and the owner is told once."""

import signal
import time

import pytest

from harness import behaviours as b
from harness.fleet import Fleet
from harness.hosts import ALL, CONTROL, PAIR
from harness.patience import FACTOR, until
from harness.stories import owner, quick

SLACK_S = 1.5  # from a look that is due to the next one that is written down, on a machine that has other work


@pytest.fixture
def fleet(cluster, town, mail):
    """All is watched from control1, and `shop` is down."""
    cluster.pairs = True
    f = Fleet(cluster, town, n=30, every_s=3, slow_s=0.1)
    f.shop = town.site("shop", b.healthy())
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[
        quick("shop", f.shop.url(), owner="us", locations=["eu", "us"], confirm={"looks": 1, "within": "2s"})])
    cluster.start()
    f.wait_visits(*ALL)
    f.wait_rounds(1)
    cluster.wait_health("shop", "up", within=20)
    f.shop.becomes(b.status(503))
    mail.wait(1, "[down]", within=20)
    cluster.wait_seen("shop", verdict="down", n=1)
    return f


def written(cluster):
    return cluster.ledger.one("SELECT count(*) FROM look")


def served(cluster, host):
    """Connections of that host, as the database's server sees them."""
    return cluster.ledger.one(f"SELECT count(*) FROM pg_stat_activity WHERE client_addr = '{host.address}'")


def taken_over(cluster, fleet, since, within):
    """Looks are made, and written down, by the other host: how long it took."""
    until(lambda: len([v for v in fleet.visits() if v.at > since + 0.5]) > 40, within + 20, "they are looked at again")
    for part in PAIR:
        cluster.daemon[f"{part}-control2"].says(rf"{part}\.leads ", within=within + 5)
    before = written(cluster)
    until(lambda: written(cluster) > before, 20, "it is written down again")
    gap = fleet.silence(since)
    assert gap < (within + SLACK_S) * FACTOR, f"{gap:.1f} s without a look"
    return gap


def goes_on(cluster, fleet, mail):
    """The same incident, the same grid, and two letters."""
    [(incident, ending, *_)] = cluster.ledger.incidents()
    assert ending == "open"
    cluster.wait_seen("shop", verdict="down", n=1, within=30)
    fleet.shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=30)
    fleet.wait_rounds(1)
    assert [i[:2] for i in cluster.ledger.incidents()] == [(incident, "recovered")]
    letters = {m.message["Message-ID"]: m for m in mail.messages if "us@watch.test" in m.recipients}
    assert [m.subject.split()[0] for m in letters.values()] == ["[down]", "[back]"]
    cluster.whole("shop", *[s.name for s in fleet.sites[:4]])


def test_it_is_killed(cluster, fleet, mail):
    pair = cluster.take_pair("control1")
    died = time.time()
    for p in pair:
        p.kill()
    taken_over(cluster, fleet, died, within=3)
    goes_on(cluster, fleet, mail)


def test_it_hands_over(cluster, fleet, mail):
    """In good order: and the way back as well."""
    pair = cluster.take_pair("control1")
    asked = time.time()
    for p in pair:
        p.send(signal.SIGTERM)
    taken_over(cluster, fleet, asked, within=1)
    for p in pair:
        assert p.ended(15) == 0, p.said()[-2000:]
    cluster.begin_pair("control1")
    goes_on(cluster, fleet, mail)


@pytest.mark.long
@pytest.mark.parametrize("how", ["frozen", "cut off", "without power"])
def test_it_falls_silent(cluster, fleet, mail, how):
    """By the end of its lease it has ceased to act, and when it is back it is refused."""
    pair, host = cluster.take_pair("control1"), cluster.land["control1"]
    since = time.time()
    if how == "frozen":
        for p in pair:
            p.send(signal.SIGSTOP)
    elif how == "cut off":
        host.cut()
    else:
        host.power_off()
    taken_over(cluster, fleet, since, within=15)
    cluster.wait_seen("shop", verdict="down", n=1, within=30)
    if how != "frozen":
        until(lambda: served(cluster, host) == 0, 30, "the server lets go of its connections")
    host.plug()
    if how == "frozen":
        for p in pair:
            p.send(signal.SIGCONT)
    if how != "without power":
        for p in pair:
            assert p.ended(40) == 13, p.said()[-2000:]
            assert "another process has taken over our part" in p.said()
    goes_on(cluster, fleet, mail)


@pytest.mark.long
def test_there_and_back_again(cluster, fleet, mail):
    """Each host in turn is killed and begun again; nobody notices."""
    for dies, stays in (CONTROL, CONTROL[::-1], CONTROL):
        for p in cluster.take_pair(dies):
            p.kill()
        for part in PAIR:
            cluster.daemon[f"{part}-{stays}"].says(rf"{part}\.leads ", within=15)
        fleet.wait_rounds(1)
        cluster.whole("shop", *[s.name for s in fleet.sites[:4]])  # what came due meanwhile is accounted for
        cluster.begin_pair(dies)
    goes_on(cluster, fleet, mail)
