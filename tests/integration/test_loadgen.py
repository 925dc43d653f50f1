"""vedette-loadgen: a crowd of sites that misbehave as told, and Vedette sees exactly that."""

import json
import re
import socket
import subprocess

import pytest

from harness.patience import until
from harness.programs import BIN, ROOT, check, run
from harness.rehearsal import Rehearsal
from harness.stories import EVERY, gapless

# What a rule makes of site 7 (http) or of one with https: the cause that `vedette check` gives.
RULES = [
    ("answer 503", "http_5xx"),
    ("answer 404", "http_4xx"),
    ("answer 301", "redirect_loop"),
    ("hang", "timeout_wait"),
    ("slow 5s", "timeout_wait"),
    ("refuse", "connect_refused"),
    ("reset", "reset"),
    ("close", "closed"),
    ("nxdomain", "dns_nxdomain"),
    ("servfail", "dns_servfail"),
]
CERTIFICATES = [("show expired", "cert_expired"), ("show wrong-name", "cert_name"), ("show untrusted", "cert_untrusted")]


@pytest.fixture
def rehearse(tmp_path):
    running = []

    def begin(*options, **how):
        r = Rehearsal(tmp_path, *options, **how)
        running.append(r)
        return r

    yield begin
    for r in running:
        r.process.stop()


def rules(*lines):
    return [word for line in lines for word in ("--rule", line)]


def look(crowd):
    found, said = check("--config", crowd.config, "-f", crowd.list, "--timeout", "2s")
    assert len(found) == len(crowd.sites), said
    return {s["name"]: found[s["url"]] for s in crowd.sites}


def test_every_rule_is_seen_as_what_it_is(rehearse):
    crowd = rehearse("--https", "0%", *rules(*(f"site {i + 1} {rule}" for i, (rule, _) in enumerate(RULES))))
    seen = look(crowd)
    assert {f"s{i + 1}": cause for i, (_, cause) in enumerate(RULES)} == {
        name: r["cause"] for name, r in seen.items() if r["verdict"] != "up"
    }
    summary = crowd.close()
    assert summary["sites"] == 20 and summary["handshakes"] == 0
    assert all(r["sites"] == 1 for r in summary["rules"])


def test_every_certificate_is_seen_as_what_it_is(rehearse):
    crowd = rehearse("--https", "100%", *rules(*(f"site {i + 1} {rule}" for i, (rule, _) in enumerate(CERTIFICATES))))
    seen = look(crowd)
    assert {f"s{i + 1}": cause for i, (_, cause) in enumerate(CERTIFICATES)} == {
        name: r["cause"] for name, r in seen.items() if r["verdict"] != "up"
    }
    assert all(r["tls_expires"] for name, r in seen.items() if r["verdict"] == "up")
    summary = crowd.close()
    assert summary["handshakes"] >= 17 and summary["answered_2xx"] == 17


def test_the_same_seed_is_the_same_crowd(rehearse):
    """What is told of shares holds for the same sites in every run, and in every look."""
    crowd = rehearse("--https", "30%", *rules("20% answer 503", "10% close"), "--threads", "2", sites=200)
    first = {n for n, r in look(crowd).items() if r["verdict"] != "up"}
    again = {n for n, r in look(crowd).items() if r["verdict"] != "up"}
    told = sum(r["sites"] for r in crowd.close()["rules"])
    assert first == again and len(first) == told and 40 <= told <= 80


@pytest.mark.long
@pytest.mark.story
def test_an_outage_by_script_is_exactly_these_incidents(rehearse, cluster, hook):
    """Sites 3 to 5 are in trouble for a while; so Vedette opens three incidents, ends them, and no other."""
    begin, end = 6 * EVERY, 20 * EVERY
    crowd = rehearse(
        "--every", f"{EVERY * 1000:.0f}ms", "--timeout", f"{EVERY * 800:.0f}ms", "--ttl", "1",
        *rules(f"sites 3-5 answer 503 from {begin * 1000:.0f}ms until {end * 1000:.0f}ms"), sites=12,
    )
    cluster.settings.update(crowd.settings)
    cluster.apply(
        owners=[{"name": "us", "notify": [hook.channel]}],
        sites=[{**s, "owner": "us", "every": f"{EVERY * 1000:.0f}ms", "timeout": f"{EVERY * 800:.0f}ms",
                "confirm": {"looks": 2, "within": "1s"}} for s in crowd.sites],
    )
    cluster.start()
    names = {"s3", "s4", "s5"}
    until(lambda: all(cluster.ledger.told(n, "back") for n in names), 30 + end,
          lambda: f"three sites are back: {cluster.ledger.incidents()}")
    per_site = {s["name"]: cluster.ledger.incidents(s["name"]) for s in crowd.sites}
    assert {n for n, found in per_site.items() if found} == names
    for name in names:
        ((_, ending, cause, began, ended),) = per_site[name]
        assert (ending, cause) == ("recovered", "http_5xx")
        assert abs((ended - began) / 1e6 - (end - begin)) < 2 * EVERY + 0.5
        assert [cluster.ledger.told(name, kind) for kind in ("down", "back")] == [1, 1]
    gapless(cluster, *(s["name"] for s in crowd.sites))
    cluster.stop()
    summary = crowd.close()
    (rule,) = summary["rules"]
    assert rule["sites"] == 3 and rule["requests"] == summary["answered_5xx"] > 3 * 10
    assert summary["strangers"] == 0


def test_strangers_and_nonsense_are_told_so(rehearse):
    crowd = rehearse("--https", "0%")
    port = int(crowd.url(1).rsplit(":", 1)[1].strip("/"))

    def say(text):
        with socket.create_connection(("127.64.0.1", port), timeout=10) as s:
            s.sendall(text)
            found = b""
            while piece := s.recv(4096):
                found += piece
            return found

    assert say(b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    assert say(b"GET / HTTP/1.1\r\nHost: s1.d1.test\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert say(b"what is this\r\n") == b""
    assert say(b"GET /" + b"x" * 2043) == b""  # as long as a request may be, and no end
    twice = b"GET / HTTP/1.1\r\nHost: s1.d1.test\r\n\r\n"
    with socket.create_connection(("127.64.0.1", port), timeout=10) as s:
        for _ in range(3):  # the connection is kept, as HTTP/1.1 has it
            s.sendall(twice)
            assert s.recv(4096).startswith(b"HTTP/1.1 200 ")
    summary = crowd.close()
    assert summary["strangers"] == 1 and summary["malformed"] == 2 and summary["answered_2xx"] == 4


def test_the_list_is_written_without_serving(tmp_path):
    path = tmp_path / "many.yaml"
    said = run("vedette-loadgen", "--sites", "20000", "--only-write", "--write", path, "--https", "10%", "--every", "10m")
    assert said.status == 0, said
    lines = path.read_text().splitlines()
    assert len(lines) == 20000 + 3 and "every: 10m" in lines[1]
    assert 1700 < sum("https://" in line for line in lines) < 2300
    said = run("vedette", "apply", "-f", path, "--dry-run", "--store", f"sqlite:{tmp_path}/v.db")
    assert said.status == 0, said


@pytest.mark.parametrize("options, says", [
    (["--rule", "2% explode"], "nothing that a site can do"),
    (["--sites", "0"], "no whole number"),
    (["--dns", "10.0.0.1:53"], "no loopback address"),
    (["--base", "192.0.2.1"], "no loopback address"),
    (["-f", "/nowhere.yaml"], "/nowhere.yaml"),
    (["--write", "/nowhere/s.yaml", "--only-write"], "/nowhere/s.yaml"),
    (["--ca-file", "/nowhere/ca.pem", "--port", "0", "--dns", "127.0.0.1:0"], "/nowhere/ca.pem"),
    (["superfluous"], "one argument too many"),
])
def test_mistakes_are_said(options, says):
    said = run("vedette-loadgen", *options)
    assert said.status == 1 and says in said.err, said


def test_too_few_descriptors_are_said_before_anything_is_served():
    done = subprocess.run(
        ["bash", "-c", 'ulimit -n 300; exec "$0" --sites 1000000 --port 0 --dns 127.0.0.1:0', str(BIN / "vedette-loadgen")],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 1 and "descriptors" in done.stderr and "ulimit -n" in done.stderr, done


def test_a_file_says_it_all(tmp_path):
    script = tmp_path / "rehearsal.yaml"
    script.write_text("sites: 50\nport: 0\ndns: 127.0.0.1:0\nfor: 200ms\nreport: 100ms\njson: yes\nrules:\n  - 4% hang\n")
    said = run("vedette-loadgen", "-f", script)
    assert said.status == 0, said
    assert json.loads(said.out)["rules"][0]["rule"] == "4% hang"
    assert "requests/s" in said.err


def options_of(text, pattern):
    return set(re.findall(pattern, text))


def test_the_manual_page_and_the_completion_have_every_option():
    known = options_of(run("vedette-loadgen", "--help").out, r"--([a-z][a-z0-9-]*)")
    page = (ROOT / "deploy/man/vedette-loadgen.1").read_text().replace("\\-", "-")
    script = (ROOT / "deploy/completion/vedette").read_text().split("_vedette_loadgen()")[1]
    assert len(known) > 25
    assert known == options_of(page, r"\\fB--([a-z][a-z0-9-]*)")
    assert known <= options_of(script, r"--([a-z][a-z0-9-]*)")
