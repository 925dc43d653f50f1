"""Limits of the machine are told and kept to, instead of being suffered as outages of sites."""

import os
import re
import socket

from harness.patience import FACTOR, until
from harness.process import program
from harness.rehearsal import Rehearsal
from harness.stories import EVERY

FEW = 200  # descriptors: 64 for a lane and 64 for the process leave 72 slots


def test_few_descriptors_make_fewer_slots_and_no_outages(cluster, tmp_path):
    """More sites hang at once than there are descriptors; the others are up, and nothing is unknown for our lack."""
    crowd = Rehearsal(tmp_path, "--https", "0%", "--rule", "sites 1-120 hang", "--addresses", "40", sites=160)
    try:
        cluster.settings.update(crowd.settings)
        every = f"{2 * EVERY * 1000:.0f}ms"
        cluster.apply(sites=[{**s, "every": every, "timeout": every, "confirm": {"looks": 0}} for s in crowd.sites])
        cluster.start(workers=())
        worker = cluster.begin("worker", wrap=[program("prlimit"), f"--nofile={FEW}:{FEW}"])
        worker.says(r"worker\.limits holds_per_s=\d+ hung_per_s=3 slots=72 descriptors=200 ")
        worker.says(r"worker\.limit .*72 of 200 slots.*raise LimitNOFILE= of the unit \(or ulimit -n\) to 328")
        until(lambda: all(cluster.ledger.count(f"s{i}", "up") >= 2 for i in range(121, 161)), 40,
              "forty sites are up, again and again")

        (lane,) = cluster.ask("workers")
        assert lane["slots"] == 72 and lane["descriptors_most"] == FEW and 10 < lane["descriptors"] < FEW
        assert re.search(rf"\b\d+/{FEW}\b", cluster.cli("workers").out)
        causes = {
            look.cause for s in crowd.sites for look in cluster.ledger.looks(s["name"]) if look.verdict != "up"
        }
        assert causes <= {"timeout_wait", "missed", "lost"}, causes
        assert "timeout_wait" in causes
    finally:
        crowd.process.stop()


def test_a_host_with_room_is_not_advised(cluster):
    cluster.apply(sites=[])
    cluster.start(workers=())
    worker = cluster.begin("worker", sets=["worker.slots=50"])
    worker.says(r"worker\.limits holds_per_s=72 hung_per_s=2 slots=50 ")
    assert "LimitNOFILE" not in worker.said()


def test_the_service_manager_hears_that_they_live(cluster):
    """sd_notify: ready, then again and again that the loop turns, then that it ends."""
    cluster.apply(sites=[])
    path = str(cluster.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10 * FACTOR)

        def hear(word):
            said = []
            while word not in said:
                said = manager.recv(4096).decode().split("\n")
                states = [s for s in said if not s.startswith("STATUS=")]
                assert set(states) <= {"READY=1", "WATCHDOG=1", word}, said

        for part in ("coordinator", "collector", "worker"):
            wrap = [program("env"), f"NOTIFY_SOCKET={path}", "WATCHDOG_USEC=200000"]
            daemon = cluster.begin(part, wrap=wrap)
            hear("READY=1")
            for _ in range(3):
                hear("WATCHDOG=1")
            daemon.stop()
            hear("STOPPING=1")
    os.unlink(path)
