#!/usr/bin/python3
"""Runs the measurements, prints them as tables, keeps them as JSON and a chart.

    bench.py --out build/bench [--only tutorial,many,cluster]

All in one run on one machine, with servers on its loopback: the ratios mean
something, single times on a shared machine mean little.
"""
import argparse
import json
import sys
from contextlib import closing
from pathlib import Path

import chart
import cluster
import many
import surroundings
import tutorial


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def rows(head, body):
    widths = [max(len(str(r[i])) for r in [head, *body]) for i in range(len(head))]
    for row in [head, *body]:
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))))


def goal(text, value, reached):
    print(f"{'reached' if reached else 'SHORT  '}  {text}: {value}")
    return {"goal": text, "value": value, "reached": bool(reached)}


def show_tutorial(found):
    heading("33 sites, two of which do not exist; one after the other: 23.3 s of waiting")
    rows(["way", "seconds", "CPU s", "alarms"],
         [[k, f"{r['wall_s']:.2f}", f"{r['cpu_s']:.2f}", r["alarms"]] for k, r in found["table"]["rows"].items()])
    heading("the tutorial's lessons in Python: 4 sleeps of 4 s, 4 counts to 10,000,000 (seconds)")
    rows(["", "serial", "threads", "processes"],
         [[k, *(f"{r[w]:.2f}" for w in ("serial", "threads", "processes"))] for k, r in found["lessons"].items()])
    heading("their counterpart here: the same looks, and 3,000 full TLS handshakes")
    rows(["", "looks/s", "CPU us/look", "wall s"],
         [[f"{what}, {how}", f"{r['looks'] / r['wall_s']:.0f}", f"{r['cpu_s'] / r['looks'] * 1e6:.0f}",
           f"{r['wall_s']:.2f}"] for what, ways in found["counterpart"].items() for how, r in ways.items()])
    tls = found["counterpart"]["handshakes"]
    gain = tls["1 thread"]["wall_s"] / tls["2 threads"]["wall_s"]
    print(f"two threads are {gain:.2f} times as fast as one, with the server on the same two cores")
    times = found["table"]["times_slowest"]
    return [goal("vedette check of the 33 sites takes at most 1.15 times the slowest site", f"{times:.3f}",
                 times <= 1.15),
            goal("exactly the two that do not exist are alarms",
                 found["table"]["rows"]["vedette check, one thread"]["alarms"],
                 found["table"]["rows"]["vedette check, one thread"]["alarms"] == 2)]


def show_many(found):
    heading("10,000 local HTTP sites, a new connection each")
    rows(["way", "looks", "up", "looks/s", "CPU us/look", "of wrk"],
         [[k, r["looks"], r["up"], f"{r['per_s']:.0f}", f"{r['cpu_us']:.0f}",
           f"{r['cpu_us'] / found['wrk, Connection: close']['cpu_us']:.2f}"] for k, r in found.items()])
    ours = found["vedette check, one thread"]
    return [goal("all 10,000 are up", ours["up"], ours["up"] == ours["looks"])]


def show_cluster(found):
    heading("10,000 sites every 10 s through coordinator, worker, collector and SQLite, for a minute")
    rows(["process", "CPU s", "CPU us/check", "resident MiB"],
         [[k, f"{p['cpu_s']:.2f}", f"{p['cpu_us']:.0f}", f"{p['rss_kib'] / 1024:.0f}"]
          for k, p in found["processes"].items()])
    rows(["", ""], [["checks concluded", found["concluded"]], ["missed", found["missed"]],
                    ["lateness p50 ms", f"{found['late_p50_us'] / 1000:.1f}"],
                    ["lateness p99 ms", f"{found['late_p99_us'] / 1000:.1f}"],
                    ["bytes stored per check", f"{found['bytes_per_check']:.0f}"]])
    return [goal("coverage is 100 %", f"{found['coverage'] * 100:.3f} %", found["coverage"] == 1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default="tutorial,many,cluster")
    args = parser.parse_args()
    wanted = args.only.split(",")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    with closing(surroundings.Resolver()) as resolver, closing(surroundings.Pki()) as pki:
        results, goals = measure(wanted, resolver, pki)
    results["goals"] = goals
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    chart.draw(results, out / "chart.svg")
    short = [g for g in goals if not g["reached"]]
    print(f"\nkept in {out / 'results.json'} and {out / 'chart.svg'}; {len(goals) - len(short)} goals reached, "
          f"{len(short)} not")
    return 0


def measure(wanted, resolver, pki):
    results, goals = {"machine": surroundings.machine()}, []
    if "tutorial" in wanted:
        results["tutorial"] = {"table": tutorial.table(resolver), "lessons": tutorial.lessons(),
                               "counterpart": tutorial.counterpart(resolver, pki)}
        goals += show_tutorial(results["tutorial"])
    if "many" in wanted:
        results["many"] = many.run(resolver)
        goals += show_many(results["many"])
    if "cluster" in wanted:
        results["cluster"] = cluster.run(resolver)
        goals += show_cluster(results["cluster"])
    return results, goals


if __name__ == "__main__":
    sys.exit(main())
