"""Who may take part from another host, and who not: one sentence each, and no storm."""

import time

from harness.fleet import begin
from harness.patience import FACTOR, until


def refused(cluster):
    """Messages and handshakes that were dropped, as `vedette status` counts them."""
    (status,) = cluster.ask("status")
    return status["malformed"]


def test_a_revoked_worker_is_out_and_the_others_do_its_work(cluster, town):
    fleet = begin(cluster, town, every_s=4)
    another = cluster.token("us", "us1-again")
    said = cluster.cli("token", "--revoke", "us1")
    assert said.status == 0, said
    revoked = time.time()
    out = cluster.daemon.pop("us1")
    out.says(r"lane\.turned_away .* does not let this worker's key in", within=25)
    fleet.wait_rounds(2)
    assert not fleet.visits("us1", since=revoked + 5 * FACTOR)
    assert not fleet.not_up()
    # Nobody has the name for ever: with a new token it is there again.
    out.stop()
    cluster.begin_worker("us1", token=another)
    fleet.wait_visits("us1")
    assert not fleet.not_up()
    keys = {k["name"]: bool(k["revoked"]) for k in cluster.ask("token", "--list")}
    assert keys == {"eu1": False, "eu2": False, "us1": True, "us2": False, "us1-again": False}


def test_a_token_of_another_cluster(cluster, town):
    """The worker is told in a sentence, tries less and less often, and is counted; nobody else notices."""
    fleet = begin(cluster, town, every_s=2)
    stranger = cluster.begin_worker("us2", token=cluster.foreign_token("us"), name="stranger")
    stranger.says(r"lane\.turned_away .*another cluster's", within=20)
    until(lambda: refused(cluster) > 0, 10, "it is counted")
    before = refused(cluster)
    fleet.wait_rounds(2)
    assert refused(cluster) - before < 10
    assert not fleet.not_up()
    assert "stranger" not in {x[5] for x in fleet.lines()}
