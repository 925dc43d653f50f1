"""Adding workers: 1, 2, 4 and 8 processes of few slots each, at sites that take a second to answer.

There are more sites than any number of them can look at, so that each worker has as many looks in hand as it has
slots, and what all of them do in a second is what their slots are worth. What it takes of CPU is little: the worker
waits, as most workers far from their sites do.
"""
import json
import subprocess
import tempfile
import time
from pathlib import Path

import chart
import cluster
import report
import surroundings as s
from harness.ledger import Ledger

WORKERS = (1, 2, 4, 8)
SLOTS = 25
LATENCY_MS = 1000
SITES, EVERY_S = 2_500, 10  # 250 a second; eight of them can look at 200
WARM_S, SECONDS = 12, 30
LEAST = 0.9


def looks(store):
    """Those that are recorded and found something out; most of the slots are missed here."""
    return Ledger(store.removeprefix("sqlite:")).one("SELECT count(*) FROM look WHERE verdict = 0")


def watch(folder, crowd, workers):
    store = f"sqlite:{folder}/{workers}.db"
    lanes = Path(folder, f"lanes-{workers}")
    lanes.mkdir()
    subprocess.run([s.BIN / "vedette", "apply", "--store", store, "-f", crowd.folder / "sites.yaml", "--json"],
                   stdout=subprocess.DEVNULL, check=True)
    up = subprocess.Popen(
        [s.BIN / "vedette", "up", "--config", crowd.folder / "vedette.yaml", "--store", store, f"--workers={workers}",
         *cluster.endpoints(lanes), "--set=worker.threads=1", f"--set=worker.slots={SLOTS}", "--json"],
        stdout=subprocess.DEVNULL)
    try:
        time.sleep(WARM_S)
        daemons = cluster.children(up.pid)
        cpu, before, began = {k: cluster.used(p)[0] for k, p in daemons.items()}, looks(store), time.monotonic()
        time.sleep(SECONDS)
        after, took_s = looks(store), time.monotonic() - began
        used = {k: cluster.used(p)[0] - cpu[k] for k, p in daemons.items()}
        sites = cluster.status(store)["sites"]
    finally:
        up.terminate()
        up.wait(30)
    return {"per_s": (after - before) / took_s, "up": sites["up"], "down": sites["down"],
            "cores": sum(used.values()) / took_s,
            "worker_cores": sum(v for k, v in used.items() if k.startswith("worker")) / took_s}


def run(_resolver, _pki):
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        crowd = s.Crowd(folder, SITES, f"--every={EVERY_S}s", "--https=0%", f"--latency={LATENCY_MS}ms",
                        f"--latency-p99={LATENCY_MS}ms", "--timeout=5s", "--ttl=300")
        try:
            return {str(n): watch(folder, crowd, n) for n in WORKERS}
        finally:
            crowd.close()


def show(found):
    one = found[str(WORKERS[0])]["per_s"]
    report.heading(f"{SITES:,} sites every {EVERY_S} s that take {LATENCY_MS / 1000:g} s to answer, workers of {SLOTS} slots")
    report.rows(["workers", "checks/s", "of one worker's", "of what the slots allow", "down", "cores", "of these the workers"],
                [[n, f"{r['per_s']:.1f}", f"{r['per_s'] / one:.2f}", f"{r['per_s'] * LATENCY_MS / 1000 / SLOTS / int(n):.2f}",
                  r["down"], f"{r['cores']:.3f}", f"{r['worker_cores']:.3f}"] for n, r in found.items()])
    least = min(r["per_s"] / one / int(n) for n, r in found.items())
    return [report.goal(f"n workers look at no less than {LEAST} n times what one does", f"{least:.3f}", least >= LEAST),
            report.goal("nothing is called down", sum(r["down"] for r in found.values()),
                        all(r["down"] == 0 for r in found.values()))]


def pictures(found):
    one = found[str(WORKERS[0])]["per_s"]
    return [chart.Lines(f"workers of {SLOTS} slots, sites that take {LATENCY_MS / 1000:g} s", "workers", "checks a second",
                        {"vedette": [(int(n), r["per_s"]) for n, r in found.items()],
                         "n times one's": [(int(n), int(n) * one) for n in found]}, log_x=True)]


if __name__ == "__main__":
    result = run(None, None)
    print(json.dumps(result))
    show(result)
