"""Whatever a site answers, and a thousand of them at once: no look crashes, blocks or enlarges the worker.

Every way to misbehave has its row in test_causes.py. Those that could cost memory or time (data without
end, silence, broken protocol, circles) are looked at a thousand at once each, all others a thousand at once
together; then a worker has all of them in rounds. On the build that notices every wrong step.
"""

import json
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from harness import behaviours as b
from harness.patience import until
from harness.programs import BIN, SANITIZED, environment
from harness.stories import rounds
from test_causes import ROWS

pytestmark = pytest.mark.skipif(not SANITIZED, reason="asked of the build with sanitizers (VEDETTE_BIN)")

MANY = 1000
SMALL_QUARANTINE = "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=8:malloc_context_size=2"

# kB of a look in hand, at most, with the sanitizer's own share. Of a header libcurl keeps each line, and
# of a line up to 100 kB while it grows.
PLAIN, SECURE = 100, 250
KB = {
    "endless-body": PLAIN, "endless-body-keyword": PLAIN, "gzip-bomb": PLAIN, "gzip-bomb-keyword": 200,
    "keyword-gzip": 200, "keyword-too-far": PLAIN, "keyword-letter-by-letter": PLAIN, "drip": PLAIN,
    "drip-keyword": PLAIN, "closes-in-body": PLAIN, "closes-in-body-keyword": PLAIN,
    "too-slow": PLAIN, "never-answers": PLAIN, "black-hole": PLAIN,
    "closes-at-once": PLAIN, "closes-after-request": PLAIN, "resets": PLAIN, "resets-at-once": PLAIN,
    "half-header": PLAIN, "half-header-hangs": PLAIN, "endless-headers": 250, "endless-header-line": 450,
    "ssh-banner": PLAIN, "garbage": PLAIN, "no-listener": PLAIN,
    "chain-11": PLAIN, "circle": PLAIN, "to-itself": PLAIN, "to-nowhere": PLAIN,
    "tls-to-patient-http-port": SECURE, "tls-to-ssh": SECURE, "tls-closed": SECURE, "tls-reset": SECURE,
    "tls-silence": SECURE,
}  # fmt: skip
BY_NAME = {r.name: r for r in ROWS}
TRIES = 3  # on a machine that has other work
HANGS = {"connect_timeout", "timeout_wait", "timeout_body", "tls_timeout", "dns_timeout"}


def sites_of(row, url, n):
    """A list's entries: n URLs of one place. Who answers has all the time it needs, who never does has two seconds."""
    sep = "&" if "?" in url else "?"
    timeout = "2s" if HANGS & set(row.causes) else "20s"
    return [{"url": f"{url}{sep}{i}", "timeout": timeout, **row.more} for i in range(n)]


class Watched:
    """`vedette check` of a list, and how much memory it had at most."""

    def __init__(self, sites, folder, *options, within=120):
        path = Path(folder, "flood.yaml")
        path.write_text(yaml.dump({"sites": sites}, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
        self.began = time.monotonic()
        process = subprocess.Popen(
            [BIN / "vedette", "check", "--json", "-f", path, "--concurrency", str(2 * MANY), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(ASAN_OPTIONS=SMALL_QUARANTINE),
        )
        self.peak_kb = 0
        looking = threading.Thread(target=self._measure, args=(process,), daemon=True)
        looking.start()
        try:
            out, err = process.communicate(timeout=within)
        finally:
            process.kill()
        looking.join()
        self.took = time.monotonic() - self.began
        self.status, self.err = process.returncode, err.decode("utf-8", "replace")
        self.answers = {x["url"]: x for x in map(json.loads, out.decode().splitlines())}

    def _measure(self, process):
        while process.poll() is None:
            self.peak_kb = max(self.peak_kb, memory_kb(process.pid, "VmHWM"))
            time.sleep(0.01)


def memory_kb(pid, what):
    """VmRSS or VmHWM of a process; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def options_for(world):
    return ["--resolver", world.resolver.address, "--ca-file", world.pki.ca_file, "--set", "worker.ipv6=1"]


@pytest.fixture(scope="module")
def alone_kb(world, tmp_path_factory):
    """The memory of a call that looks at one site over TLS: what does not grow with their number."""
    one = [{"url": world.web.sites["good-p256"].url}]
    return Watched(one, tmp_path_factory.mktemp("alone"), *options_for(world)).peak_kb


def judged(row, answers):
    """No verdict is wrong. Says whether half of the looks at least came to one: a loop that is held up by a
    thousand beginnings at once, or by others that have the cores, judges no timeouts."""
    wrong = [a for a in answers if (a["verdict"], a["cause"]) != ("unknown", "worker_error")
             and (a["verdict"] != row.verdict or a["cause"] not in row.causes)]
    assert not wrong, (row.name, Counter((a["verdict"], a["cause"], a["detail"]) for a in wrong))
    unknown = sum(a["verdict"] == "unknown" != row.verdict for a in answers)
    return bool(HANGS & set(row.causes)) or unknown <= len(answers) // 2


@pytest.mark.parametrize("name", KB)
def test_a_thousand_at_once(world, village, alone_kb, tmp_path, name):
    row = BY_NAME[name]
    healthy = village.site("healthy", b.healthy())
    sites = sites_of(row, row.make(world, village, name), MANY)
    sites.insert(MANY // 2, {"url": healthy.url(), "timeout": "30s"})

    def all_at_once():
        seen = Watched(sites, tmp_path, *options_for(world))
        assert seen.status in (0, 2, 3), seen.err[-3000:]
        assert len(seen.answers) == MANY + 1
        assert seen.answers.pop(healthy.url())["verdict"] == "up", "one that is well in the middle of them"
        each = (seen.peak_kb - alone_kb) / MANY
        assert 5 < each < KB[name], f"{each:.0f} kB of memory for each look"
        return judged(row, seen.answers.values())

    assert any(all_at_once() for _ in range(TRIES)), "most of them were never judged"


def test_all_others_a_thousand_at_once(world, village, alone_kb, tmp_path):
    others = [r for r in ROWS if r.name not in KB]
    n = -(-MANY // len(others))
    urls = {r.name: r.make(world, village, r.name) for r in others}
    lists = {r.name: sites_of(r, f"{urls[r.name]}{'&' if '?' in urls[r.name] else '?'}{r.name}", n) for r in others}
    seen = Watched([s for sites in lists.values() for s in sites], tmp_path, *options_for(world))
    assert seen.status == 2, seen.err[-3000:]
    assert len(seen.answers) == n * len(others) >= MANY
    came = [judged(r, [seen.answers[s["url"]] for s in lists[r.name]]) for r in others]
    assert sum(came) > len(others) // 2, "most of them were never judged"
    assert seen.peak_kb - alone_kb < SECURE * MANY


def test_round_after_round_a_worker_is_no_larger(cluster, world, village):
    """All of them together on a worker, every two seconds: its memory stays, and the well one is on time."""
    rows = [BY_NAME[name] for name in KB]
    sites = []
    for r in rows:
        url = r.make(world, village, r.name)
        for s in sites_of(r, url, MANY // len(rows)):
            sites.append({**s, "name": f"{r.name}{s['url'].rpartition('?')[2]}", "every": "2s", "timeout": "1s"})
    healthy = village.site("healthy", b.healthy())
    sites.append({"name": "healthy", "url": healthy.url(), "every": "1s", "timeout": "900ms"})
    cluster.settings.update({"worker.slots": "2000", "log.level": "warn"})
    cluster.apply(sites=sites)
    cluster.begin("coordinator")
    cluster.begin("collector")
    worker = cluster.begin("worker", env={"ASAN_OPTIONS": SMALL_QUARANTINE})

    last = f"{rows[-1].name}0"
    rounds(cluster, last, 2, within=30)
    first = memory_kb(worker.pid, "VmRSS")
    rounds(cluster, last, 2, within=30)
    later = memory_kb(worker.pid, "VmRSS")
    assert later < first * 1.15, f"{first} kB, and {later} kB some rounds later"
    assert worker.alive()
    looks = cluster.ledger.looks("healthy")
    assert "down" not in {x.verdict for x in looks}, Counter((x.verdict, x.cause) for x in looks)
    until(lambda: cluster.ledger.count("healthy", "up") >= 5, 20, "the well one is seen to be well")
