"""Workers that come, go and die: the others do their work, and the sites' own books
say that nothing was done twice and nothing was left out."""

import time

import pytest

from harness import behaviours as b
from harness.fleet import begin
from harness.hosts import ALL
from harness.patience import FACTOR, until

def test_a_worker_that_is_asked_to_leave_finishes_and_nothing_is_done_twice(cluster, town):
    fleet = begin(cluster, town)
    leaving = cluster.daemon["us1"]
    began = time.time()
    leaving.stop()
    gone = time.time()
    assert leaving.popen.returncode == 0 and gone - began < 5 * FACTOR, gone - began
    fleet.wait_rounds(2)
    assert not fleet.visits("us1", since=gone)
    cluster.begin_worker("us1")
    fleet.wait_visits("us1")
    fleet.wait_rounds(1)
    for w in ALL:
        cluster.daemon[w].stop()
    # Each visit that a site has in its book is one line of the ledger, by whom it says, and there is no other.
    books = fleet.compare()
    assert sorted(books) == ALL and all(visits == lines for visits, lines in books.values()), books
    assert not fleet.not_up()


@pytest.mark.parametrize("how", ["kill", pytest.param("power", marks=pytest.mark.long)])
def test_the_jobs_of_a_dead_worker_are_done_by_others_and_no_slot_is_lost(cluster, town, how):
    cluster.settings["coordinator.dead_after"] = "2s"
    if how == "power":  # ZeroMQ goes on giving it jobs for up to 4 s; three attempts must take longer
        cluster.settings["coordinator.taken_within"] = "2s"
    fleet = begin(cluster, town, every_s=4 if how == "kill" else 6)
    fleet.wait_visits("us1")
    died = time.time()
    if how == "kill":
        cluster.daemon["us1"].kill()
    else:
        cluster.land["us1"].power_off()
    fleet.wait_rounds(2)
    assert not fleet.not_up()
    assert {x[5] for x in fleet.lines() if x[1] == "us" and x[2] > died * 1e6} == {"us2"}
    cluster.whole(*[s.name for s in fleet.sites[:4]])


def test_it_takes_part_within_a_second_also_behind_a_router(cluster, town):
    """Of some tries the quickest: this machine does other things besides."""
    fleet = begin(cluster, town, n=30, every_s=1, slow_s=0.0)
    took = []
    for _ in range(3):
        cluster.daemon["eu2"].stop()
        began = time.time()
        cluster.begin_worker("eu2", wait=False)
        until(lambda since=began: fleet.visits("eu2", since=since), 10, "it looks")
        took.append(fleet.visits("eu2", since=began)[0].at - began)
    assert min(took) < 1.0 * FACTOR, took


@pytest.mark.long
def test_its_router_forgets_the_connections_that_it_let_out(cluster, town):
    """They are made anew, and what was seen meanwhile arrives."""
    fleet = begin(cluster, town, every_s=1, slow_s=0.0)
    cluster.land["nat"].restart()
    restarted = time.time()
    until(lambda: len(fleet.visits("eu2", since=restarted + 5)) > 10, 40, "it looks again")
    fleet.wait_rounds(2)
    for w in ALL:
        cluster.daemon[w].stop()
    lost = {h: visits - lines for h, (visits, lines) in fleet.compare().items()}
    assert 0 <= sum(lost.values()) <= fleet.again(), lost


def test_a_location_without_workers(cluster, town, mail):
    """Its sites are unknown, the operator is told, and all goes on when somebody comes."""
    far, both = town.site("far", b.healthy()), town.site("both", b.healthy())
    cluster.make_key()
    cluster.apply(sites=[
        {"name": "far", "url": far.url(), "every": "500ms", "timeout": "400ms", "locations": ["us"]},
        {"name": "both", "url": both.url(), "every": "500ms", "timeout": "400ms", "locations": ["eu", "us"]}])
    cluster.start(workers=("eu1", "eu2"))
    cluster.wait_health("far", "unknown", within=30)
    cluster.wait_health("both", "up", within=30)
    until(lambda: "us nobody" in cluster.cli("status").out, 30, lambda: cluster.cli("status").out)
    assert not far.visits and both.visits
    (letter,) = mail.wait(1, "[in doubt] location us: nobody looks from there", within=60)
    assert letter.recipients == ["ops@watch.test"] and "is missed" in letter.text, letter.text
    cluster.begin_worker("us1").says(r"lane\.welcomed", within=30)
    cluster.wait_health("far", "up", within=30)
    cluster.wait_seen("both")
    assert "us 1 ready" in cluster.cli("status").out
    mail.wait(1, "[doubt over] location us is looked at from again", within=60)
    cluster.daemon["us1"].kill()
    cluster.wait_health("far", "unknown", within=30)
    cluster.whole("far", places=["us"])
    told = [(n["notice"] if "notice" in n else n["kind"], n.get("location")) for n in cluster.ask("notices")]
    assert sorted(told[:2]) == [("doubt_over", "us"), ("in_doubt", "us")], told
