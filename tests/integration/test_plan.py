"""vedette plan: what so many sites need, reckoned and measured."""

import re

import pytest

from harness.programs import vedette


def plan(*options, within=30):
    said = vedette("plan", "--json", *options, within=within)
    assert said.status == 0, said
    return said.json()


def test_the_plan_of_a_million_sites():
    p = plan("--sites", "1000000", "--every", "5m", "--timeout", "20s", "--failing", "2%", "--https", "60%")
    assert round(p["looks_per_s"]) == 3333 and round(p["https_per_s"]) == 2000
    assert p["threads"] * p["slots"] >= 2 * p["in_hand"] > 4600
    assert p["descriptors"] > p["threads"] * p["slots"]
    assert p["cores"] >= (p["worker_cores"] + p["coordinator_cores"] + p["collector_cores"]) / 0.6
    assert p["measured_http_us"] is None
    few = plan("--sites", "1000", "--https", "0%", "--failing", "0%")
    assert few["threads"] == few["cores"] == 1 and few["disk_bytes"] < p["disk_bytes"] / 900
    resumed = plan("--sites", "1000000", "--resumed", "90%")
    assert resumed["worker_cores"] < p["worker_cores"]
    twice = plan("--sites", "1000000", "--locations", "2", "--timeout", "20s", "--failing", "2%", "--https", "60%")
    for what in ("looks_per_s", "disk_day_bytes", "wire_bits_per_s"):
        assert twice[what] == pytest.approx(2 * p[what])
    kept = plan("--sites", "1000000", "--set", "collector.keep_results=1d")
    assert kept["disk_bytes"] < p["disk_bytes"] and kept["disk_day_bytes"] == p["disk_day_bytes"]


def test_the_plan_in_words():
    said = vedette("plan", "--sites", "50000", "--every", "1m")
    assert said.status == 0, said
    for word in ("looks", "workers", "descriptors", "cores", "memory", "disk", "network", "settings"):
        assert re.search(rf"^{word} ", said.out, re.M), said
    assert "833 a second" in said.out and "worker.slots" in said.out


def test_the_plan_measured_on_this_machine():
    p = plan("--sites", "100000", "--measured", within=60)
    assert 0 < p["measured_http_us"] < p["measured_https_us"]
    assert p["measured_resumed_us"] < p["measured_https_us"], "a resumed handshake is less work"


@pytest.mark.parametrize("options, says", [
    ([], "how many sites"),
    (["--sites", "0"], "--sites"),
    (["--sites", "many"], "--sites"),
    (["--sites", "5", "--locations", "0"], "--locations"),
    (["--sites", "5", "--https", "60"], "no share"),
    (["--sites", "5", "--failing", "101%"], "no share"),
    (["--sites", "5", "--every", "10s", "--timeout", "20s"], "longer than --every"),
    (["--sites", "5", "--every", "1y"], "duration"),
    (["--sites", "5", "--look", "1h"], "too long"),
])
def test_wrong_plans_are_told(options, says):
    said = vedette("plan", *options)
    assert said.status == 1 and says in said.err, said
