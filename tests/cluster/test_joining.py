"""Who may take part from another host, and who not: one sentence each, and no storm."""

import time

from harness import behaviours as b
from harness.fleet import begin
from harness.patience import FACTOR, until
from harness.programs import BIN, run
from harness.stories import quick


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
    stranger.says(r"lane\.turned_away .*another key than the cluster", within=20)
    until(lambda: refused(cluster) > 0, 10, "it is counted")
    before = refused(cluster)
    fleet.wait_rounds(2)
    assert refused(cluster) - before < 10
    assert not fleet.not_up()
    assert "stranger" not in {x[5] for x in fleet.lines()}


def test_whoever_has_an_operators_key_sees_how_it_is_from_anywhere(cluster, town):
    """Also from behind a router: the numbers, and the news as they come."""
    site = town.site("shop", b.healthy())
    cluster.make_key()
    cluster.apply(sites=[quick("shop", site.url(), locations=["eu", "us"])])
    secret = cluster.disk("eu2") / "operator.token"
    secret.write_text(cluster.cli("token", "--role", "operator-read").out)
    secret.chmod(0o600)
    cluster.start()
    cluster.wait_health("shop", "up", within=20)

    def there(*words):
        return run(*cluster.land["eu2"].inside, BIN / "vedette", *words, "--set", f"operator.join_file={secret}")

    until(lambda: "4 ready of 4" in there("status").out, 20, lambda: there("status"))
    news = there("watch", "--json", "--for", "3s")
    assert {e["result"]["location"] for e in news.lines() if e.get("event") == "result"} == {"eu", "us"}, news
    secret.write_text(cluster.token_of("eu2"))
    worker = there("status")
    assert worker.status == 1 and "is for the role 'worker'" in worker.err, worker
