"""The 33 sites of the first test list: two do not exist, three refuse HEAD, all others are well."""

import time

from harness import thirty_three
from harness.misbehave import Village
from harness.patience import until
from harness.programs import SANITIZED, check, vedette
from harness.stories import owner


def test_one_shot_finds_exactly_the_two_that_do_not_exist(world, village, tmp_path, record_property):
    thirty_three.settle(village)
    urls = thirty_three.urls(village)
    began = time.monotonic()
    answers, said = check(*urls, resolver=world.resolver.address, within=60)
    record_property("seconds", round(time.monotonic() - began, 2))
    record_property("slowest_ms", max(a["time_ms"] for a in answers.values()))

    assert said.status == 2, said
    assert len(answers) == 33
    down = {u for u, a in answers.items() if a["verdict"] != "up"}
    assert down == {u for u in answers if any(m in u for m in thirty_three.MISSING)}, down
    assert {answers[u]["cause"] for u in down} == {"dns_nxdomain"}
    for name in ("live.com", "netflix.com", "bing.com"):
        answer = next(a for u, a in answers.items() if f"//{name}:" in u)
        assert (answer["verdict"], answer["method"]) == ("up", "GET")


def test_the_looks_are_concurrent(world, village):
    """A tenth of the serial time would already need ten at once; a serial checker fails this."""
    thirty_three.settle(village)
    _, said = check(*thirty_three.urls(village), resolver=world.resolver.address, within=60)
    slowest = max(x["time_ms"] for x in said.lines())
    assert sum(x["time_ms"] for x in said.lines()) > 5 * slowest


def test_a_plain_file_of_urls(world, village, tmp_path):
    thirty_three.settle(village, speed=10)
    path = tmp_path / "sites.txt"
    path.write_text("# the first list\n\n" + "\n".join(thirty_three.urls(village)) + "\n")
    answers, said = check("-f", path, resolver=world.resolver.address)
    assert said.status == 2
    assert sorted(a["verdict"] for a in answers.values()) == ["down"] * 2 + ["up"] * 31


def test_exit_status_is_0_when_all_are_up(world, village):
    thirty_three.settle(village, speed=10)
    urls = [u for u in thirty_three.urls(village) if not any(m in u for m in thirty_three.MISSING)]
    assert check(*urls, resolver=world.resolver.address)[1].status == 0


def test_the_table_for_people(world, village):
    thirty_three.settle(village, speed=10)
    said = vedette(
        "check", *thirty_three.urls(village), "--resolver", world.resolver.address
    )
    assert said.status == 2
    for name in thirty_three.SITES:
        assert name in said.out
    assert "\x1b" not in said.out, "colours only on a terminal"


def test_the_cluster_sends_exactly_two_notices_over_three_rounds(world, cluster, mail):
    slow_down = 2 if SANITIZED else 1
    village = Village(world.resolver, world.background)
    try:
        thirty_three.settle(village, speed=4 / slow_down)
        cluster.settings["mail.server"] = mail.url
        cluster.apply(
            owners=[owner("us", "mailto:us@watch.test")],
            defaults={"every": f"{slow_down}s", "timeout": f"{slow_down * 900}ms",
                      "confirm": {"looks": 2, "within": "1s"}},
            sites=[{"name": name, "url": url} for name, url in
                   zip(thirty_three.SITES, thirty_three.urls(village))],
        )
        cluster.start()
        until(
            lambda: all(cluster.ledger.count(name) >= 3 for name in thirty_three.SITES),
            20, lambda: {n: cluster.ledger.count(n) for n in thirty_three.SITES},
        )
        mail.wait(2, "[down]")
        # ... and no more than these after another round
        before = {n: cluster.ledger.count(n) for n in thirty_three.SITES}
        until(lambda: all(cluster.ledger.count(n) > before[n] for n in before), 20, "one more round")
        cluster.stop()
    finally:
        village.close()
    told = sorted(n.site for n in cluster.ledger.notices(kind="down"))
    assert told == sorted(thirty_three.MISSING)
    assert len(mail.messages) == 2, [m.subject for m in mail.messages]
    assert len(cluster.ledger.incidents()) == 2
    for name in thirty_three.SITES:
        wanted = "down" if name in thirty_three.MISSING else "up"
        assert {x.verdict for x in cluster.ledger.looks(name)} == {wanted}, (name, cluster.ledger.tail(name))
