"""A worker's own trouble, with real parts: one worker on an island (a network
namespace with one cable), a healthy one on the mainland, where the sites are.

Whatever happens to the island: no owner hears of it, the operator hears once that
it is in doubt and once that this is over, and every look is the mainland's or ends
as unknown from the moment that the doubt is known.
"""

import json
import os
import signal
import subprocess
import threading
import time

import pytest

from harness.archipelago import SITES, Archipelago, can_lose, faketime, impossible, prlimit
from harness.ledger import now_us
from harness.patience import until
from harness.programs import BIN, SANITIZED, environment
from harness.stories import gapless, owner, quick, rounds

WHY_NOT = impossible()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

NUMBERS = range(1, SITES + 1)
NEWS_US = 2_000_000  # until all know how a worker is: it says so each second, and so does the coordinator
CONTRADICTED = "where other workers saw the site up"


@pytest.fixture
def isles(request):
    with Archipelago(cable=getattr(request, "param", "veth")) as a:
        yield a


@pytest.fixture
def story(cluster, isles, mail):
    return Story(cluster, isles, mail)


class Story:
    def __init__(self, cluster, isles, mail):
        self.cluster, self.isles, self.mail = cluster, isles, mail

    def begin(self, wrap=(), **settings):
        """All is well: both workers look at eight sites in eight networks."""
        c = self.cluster
        c.settings.update({
            "worker.allow": "10.0.0.0/8", "worker.doubt": "2s", "mail.server": self.mail.url,
            "operator.notify": "mailto:ops@watch.test", "operator.settled": "2s", **settings,
        })
        sites = [quick(f"s{n}", self.isles.name(n) if n % 2 else self.isles.site(n), owner="us") for n in NUMBERS]
        c.apply(owners=[owner("us", "mailto:us@watch.test")], sites=sites)
        c.start(workers=())
        c.begin("worker", "mainland", wrap=self.isles.on_mainland,
                sets=[f"worker.resolver={self.isles.mainland_resolver}"])
        self.island = c.begin("worker", "island", wrap=(*self.isles.on_island, *wrap),
                              sets=[f"worker.resolver={self.isles.resolver}"])
        until(lambda: {x.worker for n in NUMBERS for x in c.ledger.looks(f"s{n}") if x.verdict == "up"}
              >= {"island", "mainland"}, 20, lambda: f"both look: {c.ledger.tail('s1')}")
        for n in NUMBERS:
            c.wait_health(f"s{n}", "up", within=20)
        return self

    def told(self, recipient):
        return [m.subject for m in self.mail.messages if any(recipient in r for r in m.recipients)]

    def doubted(self, reason="", within=25):
        """The operator has been told, with `reason` or because the mainland contradicted it before it knew by
        itself; from here on the island's failures count for nothing."""
        until(lambda: self.told("ops@"), within,
              lambda: f"the operator is told; {self.island.said()[-1500:]}")
        subject = self.told("ops@")[0]
        assert subject.startswith("[in doubt] worker island: "), subject
        assert reason in subject or CONTRADICTED in subject, subject
        self.since = now_us()

    def holds(self, seconds=3):
        """For a while: everything goes on without the island, and nobody hears more."""
        c = self.cluster
        rounds(c, "s1", int(seconds * 2), within=seconds + 20)
        c.daemon["mainland"].says("worker.started", 1)
        for n in NUMBERS:
            # A site whose look is still out at the island waits for that one's end.
            late = until(lambda n=n: c.ledger.looks(f"s{n}", since_us=self.since + NEWS_US), 20, f"no look at s{n}")
            wrong = [x for x in late if x.verdict == "down" or (x.worker == "island" and x.verdict != "unknown")]
            assert late and not wrong, wrong
            c.wait_health(f"s{n}", "up")  # after a look that ended as unknown not before the next one
        self.nobody_else_was_told(1)
        state = {w["worker"]: w for w in c.ask("workers")}["island"]
        assert state["in_doubt"], state
        assert c.ask("status")[0]["workers"]["in_doubt"] == 1

    def others_did_it(self):
        """It is over, and the ledger tells: every look that was due has its line, and while all knew of the doubt,
        each was the mainland's or ended as unknown. For a doubt that ends when it will, whoever watches."""
        c = self.cluster
        ((worker, began_us, ended_us),) = c.ledger.episodes()
        assert worker == "island"
        for n in NUMBERS:
            gapless(c, f"s{n}")
            looks = c.ledger.looks(f"s{n}", since_us=began_us + NEWS_US)
            meanwhile = [x for x in looks if x.slot_us < ended_us - NEWS_US]
            wrong = [x for x in meanwhile if x.verdict == "down" or (x.worker == "island" and x.verdict != "unknown")]
            assert not wrong, (wrong, began_us, ended_us)
            assert "mainland" in {x.worker for x in meanwhile if x.verdict == "up"}, (looks, began_us, ended_us)

    def is_over(self, within=40):
        until(lambda: len(self.told("ops@")) > 1, within, lambda: f"it is over: {self.told('ops@')}")
        until(lambda: {x.worker for n in NUMBERS for x in self.cluster.ledger.looks(f"s{n}")[-4:]} >= {"island"},
              15, "the island looks again")
        assert self.told("ops@")[1].startswith("[doubt over] worker island is trusted again"), self.told("ops@")
        self.nobody_else_was_told(2)
        kinds = sorted(n["kind"] for n in self.cluster.ask("notices"))
        assert kinds == ["doubt_over", "in_doubt"]
        assert self.cluster.ask("status")[0]["workers"]["in_doubt"] == 0

    def nobody_else_was_told(self, times):
        assert not self.told("us@") and not self.cluster.ledger.incidents(), self.told("us@")
        assert len(self.told("ops@")) == times, self.told("ops@")


def test_no_port_is_left_to_connect_from(isles):
    """Two ephemeral ports for thirty looks at once at one address: EADDRNOTAVAIL, and never down."""
    urls = " ".join(f"{isles.site(1)}slow/{i}" for i in range(30))
    done = subprocess.run(
        [*isles.on_mainland, "sh", "-c",
         "echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range && "
         f"exec {BIN / 'vedette'} check --json --concurrency 30 --timeout 5s {urls}"],
        capture_output=True, text=True, env=environment(), check=False, timeout=60,
    )
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) == 30, done
    assert {a["verdict"] for a in seen} <= {"up", "unknown"}, seen
    assert {a["cause"] for a in seen if a["verdict"] == "unknown"} <= {"worker_error", "worker_suspect"}
    assert any(a["cause"] == "worker_error" for a in seen), seen


@pytest.mark.long
def test_its_cable_is_pulled(story):
    story.begin()
    story.isles.pull()
    story.doubted("do not answer")
    story.holds()
    story.isles.plug()
    story.is_over()


@pytest.mark.long
def test_its_resolver_is_dead(story):
    story.begin()
    story.isles.silence_resolver()
    story.doubted("for names")
    story.holds()


@pytest.mark.skipif(not WHY_NOT and not can_lose(), reason="neither netem nor TUN devices are to be had here")
@pytest.mark.parametrize("isles", [can_lose() if not WHY_NOT else ""], indirect=True,
                         ids=lambda kind: kind or "none")
def test_half_of_its_packets_are_lost(story):
    """Canaries and looks come through by chance: doubt comes and goes, and is one episode."""
    story.begin(**{"worker.doubt": "6s", "operator.settled": "10s"})
    story.isles.lose_half()
    story.doubted(within=40)
    story.holds()


@pytest.mark.skipif(not faketime(), reason="libfaketime is not installed (make deps)")
@pytest.mark.skipif(SANITIZED, reason="a sanitizer's library must be loaded before libfaketime")
def test_its_clock_is_stepped_by_an_hour(story, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = (f"LD_PRELOAD={faketime()}", f"FAKETIME_TIMESTAMP_FILE={clock}", "FAKETIME_NO_CACHE=1",
             "FAKETIME_DONT_FAKE_MONOTONIC=1")
    story.begin(wrap=("env", *faked), **{"worker.doubt": "7s"})  # one step is one doubt, which ends by itself
    clock.write_text("+3600")
    story.doubted("its clock was stepped by +3")
    story.nobody_else_was_told(1)
    story.is_over()
    story.others_did_it()


@pytest.mark.long
def test_its_cpu_is_starved(story):
    story.begin()
    starving = threading.Event()
    starving.set()

    def starve():
        while starving.is_set():
            os.kill(story.island.pid, signal.SIGSTOP)
            time.sleep(0.9)
            os.kill(story.island.pid, signal.SIGCONT)
            time.sleep(0.15)

    thread = threading.Thread(target=starve)
    thread.start()
    try:
        story.doubted("its loop is held up")
        story.holds()
    finally:
        starving.clear()
        thread.join()
    story.is_over()
    story.others_did_it()


@pytest.mark.long
def test_its_descriptors_are_used_up(story):
    """Only looks show it: a rested worker must be given some again before it is known to be sick still."""
    story.begin(**{"operator.settled": "6s"})
    prlimit(story.island.pid, len(os.listdir(f"/proc/{story.island.pid}/fd")) - 1)
    story.doubted("descriptors")
    story.holds()
    prlimit(story.island.pid, 1024)
    story.is_over()


def test_only_the_others_can_see_that_it_is_sick(story):
    """Its network is fine and its canaries sing: all sites refuse it, and it alone."""
    story.begin()
    story.isles.shun_island()
    story.doubted(CONTRADICTED)
    story.holds()
