"""Outages as a cluster of hosts sees them: told once, whatever fails in between."""

import pytest

from harness import behaviours as b
from harness.ledger import fill
from harness.patience import stays, until
from harness.stories import owner, quick

BAD = b.status(503)
BOTH = {"locations": ["eu", "us"], "confirm": {"looks": 1, "within": "2s"}}


@pytest.fixture
def shop(cluster, town):
    """It is watched from both locations, and so is `steady`, which is well all the time."""
    sites = [town.site(name, b.healthy()) for name in ("shop", "steady")]
    cluster.make_key()
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")],
                  sites=[quick(s.name, s.url(), owner="us", **BOTH) for s in sites])
    return sites[0]


def begin(cluster):
    cluster.start()
    cluster.wait_health("shop", "up", within=20)
    cluster.wait_seen("shop", n=1)


def to_owner(mail):
    """Of different letters: a copy has the same Message-ID."""
    letters = {m.message["Message-ID"]: m for m in mail.messages if "us@watch.test" in m.recipients}
    return [m.subject.split()[0] for m in letters.values()]


def told_once(cluster, mail, shop):
    """From here on: back, and the books."""
    shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=40)
    cluster.wait_seen("shop", verdict="up", within=30)
    assert to_owner(mail) == ["[down]", "[back]"]
    assert [i[1] for i in cluster.ledger.incidents()] == ["recovered"]
    assert "down" not in {x.verdict for x in cluster.ledger.looks("steady")}
    cluster.whole("shop", "steady")


def test_it_is_seen_from_both_locations_and_told_once(cluster, mail, shop):
    begin(cluster)
    shop.becomes(BAD)
    mail.wait(1, "[down]", within=20)
    (story,) = cluster.ask("explain", "shop")
    looks = [x for x in story["last_incident"]["evidence"] if x["verdict"] == "down"]
    assert {x["location"] for x in looks} == {"eu", "us"}
    cluster.wait_seen("shop", verdict="down")
    assert {v.agent for v in shop.visits} == {"from-eu1", "from-eu2", "from-us1", "from-us2"}
    told_once(cluster, mail, shop)


def test_what_one_location_cannot_reach_is_no_outage(cluster, mail, land, shop):
    begin(cluster)
    land["town"].ignores(land["us1"], land["us2"])
    until(lambda: "up, not from us" in cluster.cli("sites").out, 20, lambda: cluster.cli("sites").out)
    cluster.wait_seen("shop", places=["eu"], n=4)
    assert not to_owner(mail)
    land.net.mend()
    until(lambda: "not from us" not in cluster.cli("sites").out, 30, lambda: cluster.cli("sites").out)
    assert not to_owner(mail) and not cluster.ledger.incidents()
    cluster.whole("shop", "steady")


def test_a_location_is_cut_off_from_control_in_an_outage(cluster, mail, land, shop):
    """Whom control cannot hear does not count; what it has seen meanwhile is kept and arrives."""
    begin(cluster)
    land.net.part([land["eu1"], land["eu2"]], [land["control1"], land["control2"]])
    shop.becomes(BAD)
    mail.wait(1, "[down]", within=40)
    assert "the others could not look" in cluster.cli("explain", "shop").out
    land.net.mend()
    cluster.wait_seen("shop", verdict="down", within=40)
    told_once(cluster, mail, shop)


def test_the_hosts_that_control_lose_each_other(cluster, mail, land, shop):
    """The coordinator hears nothing of what the collector records. The looks go on."""
    begin(cluster)
    land.net.part([land["control1"]], [land["control2"]])
    shop.becomes(BAD)
    asked = len(shop.visits)
    shop.wait_visits(asked + 12, within=30)
    land.net.mend()
    mail.wait(1, "[down]", within=40)
    told_once(cluster, mail, shop)


SECONDS = {"short": 2, "long": 14}  # a connection is given up after 10


@pytest.mark.parametrize("away", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_the_database_goes_away_without_a_word_and_comes_back(cluster, mail, land, shop, away):
    begin(cluster)
    land["db"].cut()
    shop.becomes(BAD)
    stays(lambda: not mail.messages, SECONDS[away], "recorded first, told second")
    if away == "long":
        cluster.daemon["collector"].says(r"keeper\.store_away .*: .{10}", within=20)
        cluster.daemon["coordinator"].says(r"catalog\.store_away .*: .{10}", within=20)
        said = cluster.cli("status", within=60)
        assert said.status and len(said.err.strip().splitlines()) == 1, said
    land["db"].plug()
    mail.wait(1, "[down]", within=60)
    told_once(cluster, mail, shop)
    if away == "long":
        cluster.daemon["collector"].says(r"keeper\.store_back")


@pytest.mark.parametrize("cluster", ["sqlite"], indirect=True)
def test_copied_into_the_database_in_an_outage(cluster, mail, shop):
    """One host and a file today; tomorrow two and a server. The workers stay, and so does the outage."""
    begin(cluster)
    shop.becomes(BAD)
    mail.wait(1, "[down]", within=20)
    began_us = cluster.ledger.incidents("shop")[0][3]
    for part in ("coordinator", "collector"):
        cluster.daemon.pop(part).stop()
    said = cluster.move_to_database()
    assert "with 1 incident open" in said.out, said
    for part in ("coordinator", "collector"):
        cluster.begin(part)
    cluster.wait_seen("shop", verdict="down", within=60)
    assert to_owner(mail) == ["[down]"]
    told_once(cluster, mail, shop)
    assert [i[3] for i in cluster.ledger.incidents("shop")] == [began_us]
    (back,) = mail.about("[back]")
    (story,) = cluster.ask("explain", "shop")
    assert "from " + story["last_incident"]["began"][:19].replace("T", " ") in back.text, back.text
    assert cluster.cli("store", "check").status == 0


@pytest.mark.parametrize("cluster", ["sqlite"], indirect=True)
def test_the_disk_is_full_for_a_while(cluster, mail, town):
    """What cannot be stored is not acknowledged: the workers keep it, and nobody is told. Then there is room."""
    folder = cluster.keep_on_small_disk(megabytes=3)
    sites = [town.site(name, b.healthy()) for name in ("shop", "steady")]
    cluster.make_key()
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")],
                  sites=[quick(s.name, s.url(), owner="us", **BOTH) for s in sites])
    shop = sites[0]
    begin(cluster)
    fill(folder / "filler")
    cluster.daemon["collector"].says(r"keeper\.store_away .*(full|space)", within=40)
    asked = len(shop.visits)
    shop.becomes(BAD)
    shop.wait_visits(asked + 8, within=20)
    until(lambda: "disk is full" in cluster.cli("status").out, 20, lambda: cluster.cli("status").out)
    assert not mail.messages and not cluster.ledger.incidents()
    (folder / "filler").unlink()
    mail.wait(1, "[down]", within=40)
    told_once(cluster, mail, shop)
