"""kill -9 of each daemon in the middle of an outage; `vedette up` begins it again.

Whatever dies, and whenever: the owner is told once, the end is told once, and
every due look has its line in the ledger.
"""

import os
import signal

import pytest

from harness import behaviours as b
from harness.patience import stays, until
from harness.stories import EVERY, gapless, owner, quick, rounds

BAD = b.status(503)
PARTS = ("worker", "coordinator", "collector")


@pytest.fixture
def outage(cluster, village, mail):
    """`vedette up` watching `shop`, and `steady`, which is well all the time."""

    def begin(workers=2):
        shop, steady = village.site("shop", b.healthy()), village.site("steady", b.healthy())
        cluster.settings["mail.server"] = mail.url
        cluster.apply(
            owners=[owner("us", "mailto:us@watch.test")],
            sites=[quick(s.name, s.url(), owner="us") for s in (shop, steady)],
        )
        cluster.up(workers=workers)
        cluster.wait_health("shop", "up")
        cluster.wait_health("steady", "up")
        return shop

    return begin


def told_once_and_nothing_lost(cluster, mail, shop, exactly=True):
    """From here on: back, and the books.

    Between the moment in which a mail server has taken a letter and the one in
    which that is stored, a kill makes it go out again: with the same
    Message-ID, by which a mailbox knows it. Everywhere else: exactly once.
    """
    shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=20)
    rounds(cluster, "shop", 4, within=25)
    rounds(cluster, "steady", 2, within=25)
    letters = {m.message["Message-ID"]: m.subject.split()[0] for m in mail.messages}
    assert list(letters.values()) == ["[down]", "[back]"], [m.subject for m in mail.messages]
    assert len(mail.messages) == 2 or (not exactly and len(mail.messages) == 3), [m.subject for m in mail.messages]
    assert [i[1] for i in cluster.ledger.incidents("shop")] == ["recovered"]
    assert not cluster.ledger.incidents("steady")
    assert "down" not in {x.verdict for x in cluster.ledger.looks("steady")}
    # Whatever was due while something was away is in the ledger, at the latest when the next looks are.
    gapless(cluster, "shop", "steady")


@pytest.mark.parametrize("part", PARTS)
def test_killed_while_the_site_is_down(cluster, outage, mail, part):
    shop = outage()
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, "it is told")
    pid = cluster.kill_child(part)
    cluster.wait_child_again(part, pid)
    rounds(cluster, "shop", 2, "down", within=25)
    told_once_and_nothing_lost(cluster, mail, shop)


@pytest.mark.parametrize("part", PARTS)
def test_killed_at_the_first_failed_look(cluster, outage, mail, part):
    shop = outage()
    asked = len(shop.visits)
    shop.becomes(BAD)
    shop.wait_visits(asked + 1)
    pid = cluster.kill_child(part)
    cluster.wait_child_again(part, pid)
    mail.wait(1, "[down]", within=25)
    told_once_and_nothing_lost(cluster, mail, shop)


@pytest.mark.parametrize("part", PARTS)
def test_killed_while_the_notice_waits_in_the_outbox(cluster, outage, mail, part):
    shop = outage()
    mail.away()
    shop.becomes(BAD)
    cluster.wait_health("shop", "down")
    pid = cluster.kill_child(part)
    cluster.wait_child_again(part, pid)
    mail.back()
    mail.wait(1, "[down]", within=25)
    told_once_and_nothing_lost(cluster, mail, shop)


@pytest.mark.parametrize("part", PARTS)
def test_killed_as_the_site_comes_back(cluster, outage, mail, part):
    shop = outage()
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, "it is told")
    asked = len(shop.visits)
    shop.becomes(b.healthy())
    shop.wait_visits(asked + 1)
    pid = cluster.kill_child(part)
    cluster.wait_child_again(part, pid)
    told_once_and_nothing_lost(cluster, mail, shop, exactly=part != "collector")


def test_all_three_killed_one_after_the_other(cluster, outage, mail):
    shop = outage()
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, "it is told")
    for part in PARTS:
        cluster.wait_child_again(part, cluster.kill_child(part))
    told_once_and_nothing_lost(cluster, mail, shop)


def test_everything_is_killed_and_begun_again(cluster, outage, mail):
    """The machine lost power: `vedette up` itself, and with it all its children."""
    shop = outage()
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, "it is told")
    children = cluster.children()
    cluster.supervisor.kill()
    until(lambda: not any(os.path.exists(f"/proc/{p}") for p in children), 15, "the children follow their parent")
    cluster.up(workers=2)
    rounds(cluster, "shop", 1, "down", within=25)
    told_once_and_nothing_lost(cluster, mail, shop)
    _, every = cluster.ledger.grid("shop")
    missed = [x for x in cluster.ledger.looks("shop") if x.cause == "missed"]
    assert missed or every < EVERY * 1e6, "the time without any of us is accounted for"


def test_a_frozen_worker_loses_no_look(cluster, village, mail):
    """SIGSTOP: its jobs go to the other one, and what it says afterwards counts for nothing twice."""
    shop = village.site("shop", b.healthy())
    cluster.settings["mail.server"] = mail.url
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("shop", shop.url(), owner="us")])
    cluster.start(workers=("anna", "bert"))
    cluster.wait_health("shop", "up")
    cluster.daemon["anna"].send(signal.SIGSTOP)
    rounds(cluster, "shop", 6, within=30)
    cluster.daemon["anna"].send(signal.SIGCONT)
    rounds(cluster, "shop", 6, "up", within=30)
    assert not mail.messages
    assert "down" not in {x.verdict for x in cluster.ledger.looks("shop")}
    gapless(cluster, "shop")


@pytest.mark.long
def test_a_frozen_collector_loses_no_look(cluster, village):
    """What was looked at waits in the workers. Ten sites: a few late results say nothing of the collector."""
    sites = [village.site(f"site-{n}", b.healthy()) for n in range(10)]
    cluster.apply(sites=[quick(s.name, s.url()) for s in sites])
    cluster.start()
    for s in sites:
        rounds(cluster, s.name, 1)
    asked = len(sites[0].visits)
    cluster.daemon["collector"].send(signal.SIGSTOP)
    sites[0].wait_visits(asked + 1)
    stays(cluster.daemon["worker"].alive, 3, "the worker waits")
    cluster.daemon["collector"].send(signal.SIGCONT)
    for s in sites:
        rounds(cluster, s.name, 3, "up", within=20)
        gapless(cluster, s.name)
        looks = cluster.ledger.looks(s.name)
        assert {x.cause for x in looks} <= {"none", "missed"}, looks
        assert {x.verdict for x in looks} <= {"up", "unknown"}, looks
