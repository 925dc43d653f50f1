"""1,000,000 sites every 5 minutes on this one machine: vedette-loadgen plays them, `vedette up` watches.

Nine in ten speak HTTP and one in ten HTTPS; first all of them answer, then one in twenty begins to hang for 20 s:
a round in which 50,000 incidents are confirmed and opened, and then as long as before in which they last.
Everything is real: names are asked for (TTL 60 s), certificates are verified, sessions are resumed, SQLite is
on disk. Only politeness has nothing to do: addresses on loopback and names under `.test` have no ceiling.
BENCH_SITES, BENCH_WARM_S and BENCH_MINUTES (of the first and the last part) make it smaller.
"""
import json
import os
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import chart
import cluster
import report
import surroundings as s

SITES = int(os.environ.get("BENCH_SITES", 1_000_000))
WARM_S = float(os.environ.get("BENCH_WARM_S", 330))  # more than one round
MINUTES = float(os.environ.get("BENCH_MINUTES", 10))
EVERY_S = 300
THREADS = int(os.environ.get("BENCH_THREADS", 1))
PARTS = ("all answer", "one in twenty begins to hang", "one in twenty hangs")


def run(_resolver, _pki):
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        return watch(Path(folder))


def watch(folder):
    store = f"sqlite:{folder}/vedette.db"
    change_s = WARM_S + MINUTES * 60
    all_s = change_s + WARM_S + MINUTES * 60
    crowd = subprocess.Popen(
        [s.BIN / "vedette-loadgen", f"--sites={SITES}", f"--every={EVERY_S}s", "--https=10%", "--latency=50ms",
         "--latency-p99=500ms", f"--rule=5% hang 20s from {change_s:.0f}s", f"--write={folder}/sites.yaml",
         f"--write-config={folder}/vedette.yaml", f"--ca-file={folder}/root.pem", "--report=0s"],
        stdout=subprocess.DEVNULL)
    try:
        while not (folder / "root.pem").exists() or not (folder / "vedette.yaml").exists():
            time.sleep(0.2)
        began = time.monotonic()
        subprocess.run([s.BIN / "vedette", "apply", "--store", store, "-f", folder / "sites.yaml", "--json"],
                       stdout=subprocess.DEVNULL, check=True)
        applied_s = time.monotonic() - began
        up = subprocess.Popen(
            [s.BIN / "vedette", "up", "--config", folder / "vedette.yaml", "--store", store, "--workers", "1",
             *cluster.endpoints(folder), f"--set=worker.ca_file={folder}/root.pem", f"--set=worker.threads={THREADS}",
             "--set=worker.slots=16384", "--set=worker.outbox=65536", "--json"], stdout=subprocess.DEVNULL)
        try:
            return observe(store, up, crowd, applied_s, all_s)
        finally:
            up.terminate()
            up.wait(60)
    finally:
        crowd.terminate()
        crowd.wait(30)


def peak_kib(pid):
    """The most that was ever resident."""
    lines = [n for n in Path(f"/proc/{pid}/status").read_text().splitlines() if n.startswith("VmHWM")]
    return int(lines[0].split()[1])


def verdicts(store, since_us, until_us):
    """{verdict: scheduled looks} of the ledger."""
    with closing(sqlite3.connect(f"file:{store.removeprefix('sqlite:')}?mode=ro", uri=True)) as db:
        found = dict(db.execute("SELECT verdict, count(*) FROM look WHERE slot_us >= ? AND slot_us < ? AND look = 0 "
                                "GROUP BY verdict", (since_us, until_us)).fetchall())
    return {name: found.get(i, 0) for i, name in enumerate(("up", "down", "unknown"))}


def part(store, daemons, crowd, seconds):
    """What `seconds` from now on cost and brought."""
    since_us = time.time_ns() // 1000
    before = {k: cluster.used(p)[0] for k, p in daemons.items()}
    crowd_before = cluster.used(crowd.pid)[0]
    first, timeline, began = cluster.status(store), [], time.monotonic()
    while time.monotonic() - began < seconds:
        time.sleep(min(10, max(0.1, seconds - (time.monotonic() - began))))
        now = cluster.status(store)
        timeline.append({"at_s": time.monotonic() - began, "late_p50_ms": now["late_p50_ms"],
                         "late_p99_ms": now["late_p99_ms"]})
    took_s = time.monotonic() - began
    last = cluster.status(store)
    used = {k: cluster.used(p) for k, p in daemons.items()}
    told = verdicts(store, since_us, time.time_ns() // 1000 - 30_000_000)  # later ones may still be out
    concluded, missed = last["concluded"] - first["concluded"], last["missed"] - first["missed"]
    return {
        "seconds": took_s, "concluded": concluded, "missed": missed,
        "coverage": concluded / (concluded + missed) if concluded else 0, "per_s": concluded / took_s,
        # Lateness is told for the last minute: the worst of the whole minutes within this part.
        "late_p99_ms": max(t["late_p99_ms"] for t in timeline if t["at_s"] > 60 or seconds < 70),
        "late_p50_ms": max(t["late_p50_ms"] for t in timeline if t["at_s"] > 60 or seconds < 70),
        "timeline": timeline, "health": last["sites"], "verdicts": told,
        "processes": {k: {"cpu_s": cpu - before[k], "cores": (cpu - before[k]) / took_s,
                          "cpu_us": (cpu - before[k]) / max(1, concluded) * 1e6, "rss_kib": peak_kib(daemons[k])}
                      for k, (cpu, _) in used.items()},
        "crowd_cores": (cluster.used(crowd.pid)[0] - crowd_before) / took_s,
    }


def observe(store, up, crowd, applied_s, all_s):
    began = time.monotonic()
    time.sleep(WARM_S)
    daemons = cluster.children(up.pid) | {"up": up.pid}
    ends = (all_s - WARM_S - MINUTES * 60 - 5, all_s - MINUTES * 60, all_s)
    return {"sites": SITES, "every_s": EVERY_S, "applied_s": applied_s} | {
        name: part(store, daemons, crowd, max(1, end - (time.monotonic() - began)))
        for name, end in zip(PARTS, ends)}


def show(found):
    report.heading(f"{found['sites']:,} sites every {found['every_s'] // 60} minutes, one in ten HTTPS, on this machine; "
                   f"the list was applied in {found['applied_s']:.1f} s")
    goals = []
    for name in PARTS:
        f = found[name]
        cores = sum(p["cores"] for p in f["processes"].values())
        mib = sum(p["rss_kib"] for p in f["processes"].values()) / 1024
        report.rows([name, "cores", "CPU us/check", "most resident MiB"],
                    [[k, f"{p['cores']:.3f}", f"{p['cpu_us']:.0f}", f"{p['rss_kib'] / 1024:.0f}"]
                     for k, p in f["processes"].items()]
                    + [["all of Vedette", f"{cores:.3f}", f"{cores / f['per_s'] * 1e6:.0f}", f"{mib:.0f}"],
                       ["(vedette-loadgen)", f"{f['crowd_cores']:.3f}", "", ""]])
        print(f"{f['concluded']:,} checks in {f['seconds']:.0f} s ({f['per_s']:.0f}/s), {f['missed']} missed; "
              f"late p50 {f['late_p50_ms']:.1f} ms, p99 {f['late_p99_ms']:.1f} ms; "
              + ", ".join(f"{n:,} {h}" for h, n in f["health"].items() if n and h != "all"))
        unknown = f["verdicts"]["unknown"]
        goals += [report.goal(f"{name}: coverage is 100 %", f"{f['coverage'] * 100:.4f} %, {unknown} unknown",
                              f["missed"] == 0 and unknown == 0),
                  report.goal(f"{name}: p99 lateness under 100 ms", f"{f['late_p99_ms']:.1f} ms",
                              f["late_p99_ms"] < 100),
                  report.goal(f"{name}: resident memory of all processes under 1 GiB", f"{mib:.0f} MiB", mib < 1024)]
        if name != PARTS[1]:
            goals.append(report.goal(f"{name}: all of Vedette under 0.8 core", f"{cores:.3f}", cores < 0.8))
    return goals


def pictures(found):
    late = {f"{which}, {name}": [(round(t["at_s"]), t[f"late_{which}_ms"]) for t in found[name]["timeline"]]
            for name in PARTS for which in ("p99", "p50")}
    return [chart.Lines(f"{found['sites']:,} sites: how late looks began, of the last minute", "seconds", "ms", late),
            *(chart.Bars(f"{found['sites']:,} sites, {name}", "cores",
                         [("vedette " + k, p["cores"]) for k, p in found[name]["processes"].items()])
              for name in PARTS)]


if __name__ == "__main__":
    result = run(None, None)
    print(json.dumps(result))
    show(result)
