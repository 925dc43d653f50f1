"""Outages as their owners hear of them: down once, back once, and never for nothing."""

import re
import time

import pytest

from harness import behaviours as b
from harness.patience import until
from harness.stories import BOTH, EVERY, first_then, gapless, owner, quick, rounds

BAD = b.status(503)


@pytest.fixture
def watched(cluster, village, mail):
    """A cluster that watches one healthy site, `shop`, whose owner gets mail."""

    def begin(workers=("worker",), channels=None, settings=(), remind=None, **site):
        shop = village.site("shop", b.healthy())
        cluster.settings["mail.server"] = mail.url
        cluster.settings.update(dict(settings))
        cluster.apply(
            owners=[owner("us", *(channels or ["mailto:us@watch.test"]), **({"remind": remind} if remind else {}))],
            sites=[quick("shop", shop.url(), owner="us", **site)],
        )
        cluster.start(workers)
        cluster.wait_health("shop", "up")
        return shop

    return begin


@pytest.mark.story
@BOTH
def test_down_is_told_once_and_back_is_told_once(cluster, watched, mail):
    shop = watched()
    assert not mail.messages

    shop.becomes(BAD)
    down = mail.wait(1, "[down]")[0]
    assert "shop" in down.subject and "503" in down.subject
    assert down.recipients == ["us@watch.test"]
    assert shop.url() in down.text
    assert cluster.ledger.health("shop") == "down"
    rounds(cluster, "shop", 3, "down")
    assert len(mail.messages) == 1, "an outage is told once, not at every look"

    shop.becomes(b.healthy())
    back = mail.wait(1, "[back]")[0]
    assert "shop" in back.subject
    rounds(cluster, "shop", 3, "up")
    assert [m.subject for m in mail.messages] == [down.subject, back.subject]

    (incident,) = cluster.ledger.incidents("shop")
    number, ending, cause, began, ended = incident
    assert (ending, cause) == ("recovered", "http_5xx")
    assert 0 < began < ended
    assert cluster.ledger.evidence(number) >= 3, "the failed look and two that confirmed it"
    assert cluster.ledger.health("shop") == "up"

    keys = [n.key for n in cluster.ledger.notices("shop")]
    assert len(set(keys)) == 2
    for letter, key in zip(mail.messages, keys):
        assert key in letter.message["Message-ID"]
    gapless(cluster, "shop")


def test_it_can_be_explained(cluster, watched, mail):
    shop = watched(workers=("anna", "bert"))
    shop.becomes(BAD)
    mail.wait(1, "[down]")
    text = cluster.cli("explain", "shop").out
    for word in ("shop", "down", "503", "us@watch.test"):
        assert word in text, text
    assert "anna" in text or "bert" in text, text


def test_confirming_looks_go_to_another_worker_where_there_is_one(cluster, watched, mail):
    shop = watched(workers=("anna", "bert"))
    shop.becomes(BAD)
    mail.wait(1, "[down]")
    first = next(x for x in cluster.ledger.looks("shop") if x.verdict == "down")
    same_round = [x for x in cluster.ledger.looks("shop") if x.slot_us == first.slot_us]
    assert {x.worker for x in same_round} == {"anna", "bert"}, same_round


def test_a_blip_is_told_to_nobody(cluster, watched, mail):
    shop = watched()
    shop.becomes(first_then(1, BAD, b.healthy()))
    until(lambda: cluster.ledger.blips("shop") == 1, 10, lambda: cluster.ledger.tail("shop"))
    rounds(cluster, "shop", 3, "up")
    assert cluster.ledger.health("shop") == "up"
    assert not mail.messages
    assert not cluster.ledger.incidents("shop")
    assert not cluster.ledger.notices("shop")


def test_a_site_that_lets_head_hang_is_not_told_down(cluster, watched, mail):
    """HEAD times out; the confirming look is GET, and the worker remembers."""
    shop = watched(workers=("anna", "bert"), method="auto")
    shop.becomes(b.head_breaks(b.never_answers()))
    until(lambda: cluster.ledger.blips("shop") >= 1, 10, lambda: cluster.ledger.tail("shop"))
    hung = {x.worker for x in cluster.ledger.looks("shop") if x.look == 0 and x.verdict == "down"}
    rounds(cluster, "shop", 4, "up")
    confirming = [x for x in cluster.ledger.looks("shop") if x.look > 0]
    assert hung and confirming and {x.verdict for x in confirming} == {"up"}
    assert not mail.messages and not cluster.ledger.incidents("shop")
    looks = [x for x in cluster.ledger.looks("shop") if x.look == 0 and x.verdict == "down"]
    assert len(looks) <= 2, "each worker learns once that it needs GET"


def test_looks_0_believes_the_first_failure(cluster, watched, mail):
    shop = watched(confirm={"looks": 0})
    shop.becomes(BAD)
    mail.wait(1, "[down]")
    assert {x.look for x in cluster.ledger.looks("shop")} == {0}


def test_a_second_outage_is_told_again(cluster, watched, mail):
    shop = watched()
    for n in (1, 2):
        shop.becomes(BAD)
        mail.wait(n, "[down]")
        shop.becomes(b.healthy())
        mail.wait(n, "[back]")
    assert len(mail.messages) == 4
    assert len({m.message["Message-ID"] for m in mail.messages}) == 4


def test_reminders_when_the_owner_wants_them(cluster, watched, mail):
    shop = watched(remind="1s")
    shop.becomes(BAD)
    mail.wait(1, "[down]")
    until(lambda: cluster.ledger.told("shop", "still_down") >= 2, 10, lambda: cluster.ledger.notices("shop"))
    shop.becomes(b.healthy())
    mail.wait(1, "[back]")
    rounds(cluster, "shop", 3)
    kinds = [n.kind for n in cluster.ledger.notices("shop")]
    assert kinds[0] == "down" and kinds[-1] == "back" and set(kinds[1:-1]) == {"still_down"}


# ── a list that changes while a look is out ──────────────────────────────────


def slow_failure():
    """Begins at once, fails at the timeout: there is time to change the list meanwhile."""
    return b.never_answers()


@pytest.mark.parametrize("change", ["paused", "removed", "edited"])
def test_a_site_changed_while_its_look_is_out_is_not_told_down(cluster, watched, village, mail, change):
    shop = watched(every="1s", timeout="900ms", confirm={"looks": 1, "within": "2s"})
    other = village.site("other", b.healthy())
    shop.becomes(slow_failure())
    seen = len(shop.visits)
    shop.wait_visits(seen + 1)  # the look that will fail is out
    site = quick("shop", shop.url(), owner="us", every="1s", timeout="900ms", confirm={"looks": 1, "within": "2s"})
    steady = quick("other", other.url(), owner="us")
    if change == "paused":
        site["paused"] = True
    elif change == "edited":
        site["url"] = other.url("/shop")
    sites = [steady] if change == "removed" else [site, steady]
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=sites, options=("--prune",))

    rounds(cluster, "other", 5)  # long enough for the failing look and its confirmation
    assert not mail.messages, [m.subject for m in mail.messages]
    assert not cluster.ledger.incidents("shop")
    if change == "edited":
        cluster.wait_health("shop", "up")
    else:
        asked = len(shop.visits)
        rounds(cluster, "other", 5)
        assert len(shop.visits) == asked, "it is still looked at"


@pytest.mark.parametrize("change", ["paused", "removed", "edited"])
def test_an_outage_of_a_site_that_is_no_longer_watched_is_withdrawn(cluster, watched, village, mail, change):
    shop = watched()
    other = village.site("other", b.healthy())
    shop.becomes(BAD)
    mail.wait(1, "[down]")
    site = quick("shop", shop.url(), owner="us")
    if change == "paused":
        site["paused"] = True
    elif change == "edited":
        site["url"] = other.url("/shop")
    sites = [quick("other", other.url(), owner="us")] + ([] if change == "removed" else [site])
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=sites, options=("--prune",))
    until(
        lambda: [i[1] for i in cluster.ledger.incidents("shop")] == ["withdrawn"], 10,
        lambda: cluster.ledger.incidents("shop"),
    )
    mail.wait(2)
    rounds(cluster, "other", 4)
    assert [n.kind for n in cluster.ledger.notices("shop")] == ["down", "withdrawn"]
    assert len(mail.messages) == 2


def test_a_paused_site_that_is_resumed_is_watched_again(cluster, watched, mail):
    shop = watched()
    for paused in (True, False):
        cluster.apply(
            owners=[owner("us", "mailto:us@watch.test")],
            sites=[quick("shop", shop.url(), owner="us", paused=paused)],
        )
        if paused:
            asked = until(lambda: settled(shop), 10, "no more looks at it")
    shop.wait_visits(asked + 2)
    shop.becomes(BAD)
    mail.wait(1, "[down]")


def settled(site):
    """The number of visits when it has not grown for three intervals; else 0."""
    n = len(site.visits)
    time.sleep(3 * EVERY)
    return n if len(site.visits) == n else 0


def test_an_interval_changed_holds_within_two_seconds(cluster, watched):
    shop = watched(every="4s")
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("shop", shop.url(), owner="us")])
    began = cluster.ledger.count("shop")
    until(lambda: cluster.ledger.count("shop") >= began + 4, 2 + 6 * EVERY, lambda: cluster.ledger.tail("shop"))
    newest = [s for s, _ in cluster.ledger.grid("shop")[0]][-3:]
    assert [b - a for a, b in zip(newest, newest[1:])] == [int(EVERY * 1e6)] * 2


def test_a_new_site_is_watched_without_a_restart(cluster, watched, village):
    watched()
    new = village.site("new", b.healthy())
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("new", new.url(), owner="us")])
    new.wait_visits(2, within=4)
    cluster.wait_health("new", "up")
    assert cluster.ledger.health("shop") == "up", "without --prune nothing is removed"


# ── the feed ─────────────────────────────────────────────────────────────────


def test_the_feed_tells_the_story(cluster, watched, mail):
    shop = watched()
    feed = cluster.watch()
    feed.wait("pulse")
    shop.becomes(BAD)
    mail.wait(1, "[down]")
    shop.becomes(b.healthy())
    mail.wait(1, "[back]")
    feed.wait("notice", lambda e: re.search("back", str(e)))
    health = [(e["from"], e["to"]) for e in feed.events("health")]
    assert ("up", "suspected") in health and ("suspected", "down") in health and ("down", "up") in health
    assert len(feed.events("incident")) == 2
    numbers = [e["seq"] for e in feed.events()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "the numbers have no gap"
