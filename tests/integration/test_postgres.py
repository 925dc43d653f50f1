"""The store at a server: it goes away and comes back in the middle of an outage, and
nobody is told twice; and two of one kind never work side by side."""

import pytest

from harness import behaviours as b
from harness.cluster import Cluster
from harness.ledger import PostgresLedger
from harness.patience import until
from harness.postgres import Server
from harness.process import Process
from harness.programs import BIN, environment
from harness.stories import gapless, owner, quick, rounds

BAD = b.status(503)


@pytest.fixture(scope="module")
def own():
    """A server that may be ended."""
    with Server() as server:
        yield server


@pytest.fixture
def cluster(world, own):
    with Cluster(world, database=own.schema()) as c:
        yield c


@pytest.fixture
def shop(cluster, village, mail):
    """It is watched, is well, and its owner gets mail."""
    site = village.site("shop", b.healthy())
    cluster.settings["mail.server"] = mail.url
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("shop", site.url(), owner="us")])
    cluster.start(workers=("anna", "bert"))
    cluster.wait_health("shop", "up")
    return site


def told_once(cluster, mail, shop):
    shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=20)
    rounds(cluster, "shop", 3, "up", within=25)
    assert [m.subject.split()[0] for m in mail.messages] == ["[down]", "[back]"]
    assert [i[1] for i in cluster.ledger.incidents("shop")] == ["recovered"]
    assert all(p.alive() for p in cluster.daemon.values())
    gapless(cluster, "shop")


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_the_server_is_begun_again_while_the_site_is_down(cluster, own, mail, shop, end):
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, "it is told")
    getattr(own, end)()
    asked = len(shop.visits)
    shop.wait_visits(asked + 4)  # the looks go on
    own.start()
    rounds(cluster, "shop", 2, "down", within=25)
    told_once(cluster, mail, shop)


@pytest.mark.long
def test_the_server_is_away_when_the_site_goes_down(cluster, own, mail, shop):
    own.crash()
    asked = len(shop.visits)
    shop.becomes(BAD)
    shop.wait_visits(asked + 3)
    assert not mail.messages, "recorded first, told second"
    own.start()
    mail.wait(1, "[down]", within=25)
    told_once(cluster, mail, shop)


@pytest.mark.parametrize("part", ["coordinator", "collector"])
def test_killed_in_an_outage_and_begun_again(cluster, mail, shop, part):
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, "it is told")
    cluster.daemon[part].kill()
    cluster.begin(part)
    rounds(cluster, "shop", 2, "down", within=25)
    told_once(cluster, mail, shop)


@pytest.mark.parametrize("part", ["coordinator", "collector"])
def test_a_second_one_that_is_not_to_wait_is_refused(cluster, shop, part):
    cluster.write_config()
    second = Process("second", [BIN / f"vedette-{part}", "--config", cluster.config, "--set", "standby.wait=no",
                                *elsewhere(cluster)],
                     cluster.folder / "second.log", env=environment())
    assert second.ended(20) == 13, second.said()
    first = cluster.daemon[part].pid
    assert f"another {part} (process {first}) is at work" in second.said()


def test_a_deposed_one_ends(cluster, own, shop):
    """Somebody else has its part by the book: what it writes is refused, and it says so."""
    for role, part in enumerate(("coordinator", "collector")):
        cluster.ledger.query(f"UPDATE claim SET epoch = epoch + 1 WHERE role = {role}")
        process = cluster.daemon.pop(part)
        assert process.ended(15) == 13, process.said()
        assert "taken over" in process.said()


@pytest.mark.long
def test_copied_from_a_file_in_an_outage(world, own, village, mail):
    """SQLite today, a server tomorrow: the outage goes on, and is told as the one that it is."""
    with Cluster(world) as c:
        site = village.site("shop", b.healthy())
        c.settings["mail.server"] = mail.url
        c.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[quick("shop", site.url(), owner="us")])
        c.start(workers=("anna", "bert"))
        c.wait_health("shop", "up")
        site.becomes(BAD)
        mail.wait(1, "[down]")
        file, there = c.store, own.schema()
        said = c.cli("store", "copy", file, there)
        assert said.status == 13 and "at work" in said.err, said
        for part in ("coordinator", "collector"):
            c.daemon.pop(part).stop()
        said = c.cli("store", "copy", file, there)
        assert said.status == 0 and "with 1 incident open" in said.out, said
        c.settings["store"], c.ledger = there, PostgresLedger(there)
        for part in ("coordinator", "collector"):
            c.begin(part)
        rounds(c, "shop", 2, "down", within=25)
        told_once(c, mail, site)
        assert c.cli("store", "check").status == 0


def elsewhere(cluster):
    lanes = ("control", "results", "feed", "feedback", "jobs")
    return [word for lane in lanes for word in ("--set", f"endpoint.{lane}=ipc://{cluster.folder}/second-{lane}")]
