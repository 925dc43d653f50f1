"""A cluster of older workers is brought up to date while it works, in the middle of an outage."""

import os

import pytest

from harness import behaviours as b
from harness import older
from harness.fleet import Fleet
from harness.hosts import ALL
from harness.stories import owner, quick

COMMIT = older.oldest_that_joins()


@pytest.mark.long
@pytest.mark.skipif(not COMMIT, reason="the history here has no older worker that could join")
def test_older_workers_are_replaced_one_by_one(cluster, town, mail):
    """Nothing is done twice, nothing is left out, nobody is told twice."""
    before = older.program(COMMIT, "vedette-worker")
    fleet = Fleet(cluster, town)
    shop = town.site("shop", b.healthy())
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")], sites=[
        quick("shop", shop.url(), owner="us", locations=["eu", "us"], confirm={"looks": 1, "within": "2s"})])
    cluster.start(workers=())
    for w in ALL:
        cluster.begin_worker(w, program=before)
    fleet.wait_visits(*ALL)
    fleet.wait_rounds(1)
    assert {os.readlink(f"/proc/{cluster.daemon[w].pid}/exe") for w in ALL} == {str(before)}
    cluster.wait_health("shop", "up")
    shop.becomes(b.status(503))
    mail.wait(1, "[down]", within=20)
    for w in ALL:
        cluster.daemon.pop(w).stop()
        cluster.begin_worker(w)
        fleet.wait_visits(w)
    fleet.wait_rounds(2)
    shop.becomes(b.healthy())
    mail.wait(1, "[back]", within=20)
    for w in ALL:
        cluster.daemon[w].stop()
    assert [m.subject.split()[0] for m in mail.messages if "us@watch.test" in m.recipients] == ["[down]", "[back]"]
    books = fleet.compare()
    assert all(visits == lines for visits, lines in books.values()), books
    assert not fleet.not_up()
