"""`vedette up`: everything on one machine, in the foreground."""

import contextlib
import os
import signal
import time

import pytest

from harness import behaviours as b
from harness.cluster import LANES
from harness.patience import FACTOR, until
from harness.programs import run
from harness.stories import EVERY, gapless, owner, quick, rounds


@pytest.fixture
def shop(cluster, village):
    site = village.site("shop", b.healthy())
    cluster.apply(owners=[owner("us", "console:")], sites=[quick("shop", site.url(), owner="us")])
    return site


def gone(pids):
    return not any(os.path.exists(f"/proc/{p}") for p in pids)


def test_ctrl_c_ends_it_cleanly(cluster, shop):
    up = cluster.up()
    rounds(cluster, "shop", 2)
    children = cluster.children()
    asked = len(shop.visits)
    up.send(signal.SIGINT)
    assert up.ended() == 0, up.said()
    assert gone(children), "its children have ended before it"
    looks = cluster.ledger.count("shop")
    assert looks >= asked, f"{asked} looks were begun, {looks} are stored"
    assert cluster.ledger.gaps("shop") == []


def test_ctrl_c_in_a_terminal_goes_to_the_whole_group(cluster, shop):
    """The shell's way: parent and children get the signal at once."""
    up = cluster.up()
    rounds(cluster, "shop", 1)
    children = cluster.children()
    for p in [*children, up.pid]:
        with contextlib.suppress(ProcessLookupError):  # the others may be faster
            os.kill(p, signal.SIGINT)
    assert up.ended() == 0, up.said()
    assert gone(children)


def test_sigterm_ends_it_cleanly(cluster, shop):
    up = cluster.up()
    rounds(cluster, "shop", 1)
    children = cluster.children()
    up.send(signal.SIGTERM)
    assert up.ended() == 0
    assert gone(children)


def test_for_a_time(cluster, shop):
    began = time.monotonic()
    up = cluster.up("--for", "3s", within=None)
    assert up.ended(20) == 0, up.said()
    took = time.monotonic() - began
    assert 2.9 <= took <= 3 + 6 * FACTOR, took
    assert cluster.ledger.count("shop", "up") >= 2


def test_until_idle_ends_when_each_site_was_looked_at(cluster, village, shop):
    bad = village.site("bad", b.status(500))
    cluster.apply(owners=[owner("us", "console:")], sites=[quick("bad", bad.url(), owner="us")])
    up = cluster.up("--until-idle", within=None)
    assert up.ended(30) == 0, up.said()
    assert cluster.ledger.count("shop") >= 1 and cluster.ledger.count("bad") >= 1
    assert not [n for n in cluster.ledger.notices() if n.state == "pending"]


def test_it_makes_the_store_and_applies_the_list(cluster, village):
    site = village.site("fresh", b.healthy())
    path = cluster.folder / "fresh.yaml"
    path.write_text(f"sites:\n  - {{url: '{site.url()}', name: fresh, every: 500ms, timeout: 400ms}}\n")
    cluster.up("--sites", path)
    rounds(cluster, "fresh", 2)


@pytest.mark.parametrize("part", ["worker", "coordinator", "collector"])
def test_a_child_that_dies_is_begun_again_and_said(cluster, shop, part):
    cluster.up()
    rounds(cluster, "shop", 1)
    pid = cluster.kill_child(part)
    cluster.wait_child_again(part, pid)
    rounds(cluster, "shop", 3, within=25)

    def said():
        return (cluster.supervisor.said() + cluster.screen.read_text()).lower()

    until(lambda: part in said() and ("again" in said() or "restart" in said()), 5, said)


def test_it_shows_news(cluster, shop):
    cluster.up()
    cluster.wait_health("shop", "up")
    shop.becomes(b.status(503))
    cluster.wait_health("shop", "down")
    shop.becomes(b.healthy())
    cluster.wait_health("shop", "up")
    until(lambda: "503" in cluster.screen.read_text() and "shop" in cluster.screen.read_text(), 5,
          lambda: cluster.screen.read_text())


def test_several_workers(cluster, shop):
    cluster.up(workers=3)
    until(lambda: list(cluster.children().values()).count("worker") == 3, 10, cluster.children)
    rounds(cluster, "shop", 2)
    until(lambda: len(cluster.ledger.workers()) == 3, 10, cluster.ledger.workers)


def test_killed_hard_it_leaves_no_child(cluster, shop):
    up = cluster.up()
    rounds(cluster, "shop", 1)
    children = cluster.children()
    up.kill()
    until(lambda: gone(children), 15, lambda: children)


def test_a_wrong_list_starts_nothing(cluster):
    path = cluster.folder / "wrong.yaml"
    path.write_text("sites:\n  - url: ftp://example.test/\n")
    up = cluster.up("--sites", path, within=None)
    assert up.ended() == 1
    assert f"{path}:2" in up.said()
    assert "scheduled" not in up.said()


def test_intervals_are_kept(cluster, village):
    """Lateness is small on an idle machine, and each slot is looked at once."""
    site = village.site("steady", b.healthy())
    cluster.apply(sites=[quick("steady", site.url())])
    cluster.up()
    rounds(cluster, "steady", 6)
    slots, every = cluster.ledger.grid("steady")
    assert every == EVERY * 1e6
    assert len({s for s, _ in slots}) == len(slots)
    gapless(cluster, "steady")


def another(cluster, *options):
    """A second `vedette up` on the same store, with lanes of its own."""
    lanes = [x for lane in LANES for x in ("--set", f"endpoint.{lane}=ipc://{cluster.folder}/second.{lane}")]
    return cluster.cli("up", "--workers", "1", "--for", "1s", *lanes, *options, within=60)


def test_a_second_one_on_the_same_store_is_refused(cluster, shop):
    """Two collectors would tell every owner twice."""
    cluster.up()
    rounds(cluster, "shop", 1)
    more = cluster.folder / "more.yaml"
    more.write_text("sites: [{url: 'http://more.test', name: more}]\n")
    said = another(cluster, "--sites", more)
    assert said.status == 13, said
    assert len(said.err.strip().splitlines()) == 1 and "another co" in said.err, said
    assert "more" not in cluster.cli("sites").out, "nothing was changed"
    for part in ("collector", "coordinator"):
        said = run(f"vedette-{part}", "--config", cluster.config)
        assert said.status == 13 and f"another {part} (process" in said.err, said
    children = cluster.children()
    cluster.supervisor.kill()
    until(lambda: gone(children), 15, lambda: children)
    said = another(cluster)
    assert said.status == 0, said


def test_a_stray_worker_does_not_throw_out_the_one_that_runs(cluster, shop):
    cluster.start(workers=["w1"])
    rounds(cluster, "shop", 1)
    for _ in range(2):
        said = run("vedette-worker", "--config", cluster.config, "--set", "worker.name=w1")
        assert said.status == 1 and "another worker that is running has this name" in said.err, said
    assert cluster.daemon["w1"].alive()
    cluster.daemon["w1"].kill()  # a new process has the name at once
    cluster.begin("worker", "w1")
    rounds(cluster, "shop", 3)
    assert cluster.daemon["w1"].alive()


def test_who_cannot_start_has_the_last_word(cluster, shop):
    """A setting that only the worker finds wrong: its sentence, and no summary of a run that was none."""
    taken = cluster.folder / "no-certificates.pem"
    taken.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    cluster.settings["worker.ca_file"] = taken
    up = cluster.up(within=None)
    assert up.ended(20) == 1, up.said()
    assert "could not start" in up.said()
    assert "Ended after" not in cluster.screen.read_text() + up.said()
