#!/usr/bin/python3
"""Runs the measurements, prints them as tables, keeps them as JSON and a chart.

    bench.py --out build/bench [--only exercise,many,cluster]

All in one run on one machine, with servers on its loopback: the ratios mean
something, single times on a shared machine mean little.

A measurement is a module with run(resolver, pki), which returns what it found
in a form that JSON can hold, show(found), which prints it and returns its
goals (report.goal), and pictures(found), which chart.py draws.
"""
import argparse
import importlib
import json
import sys
from contextlib import closing
from pathlib import Path

import chart
import surroundings

MEASUREMENTS = ["exercise", "many", "engine", "resumption", "schedule", "books", "cluster", "alarm", "million"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default=",".join(MEASUREMENTS))
    args = parser.parse_args()
    wanted = args.only.split(",")
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]}; there are {', '.join(MEASUREMENTS)}")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    results, goals, pictures = {"machine": surroundings.machine()}, [], []
    with closing(surroundings.Resolver()) as resolver, closing(surroundings.Pki()) as pki:
        for name in (m for m in MEASUREMENTS if m in wanted):
            module = importlib.import_module(name)
            results[name] = module.run(resolver, pki)
            goals += module.show(results[name])
            pictures += module.pictures(results[name])
    results["goals"] = goals
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    chart.draw(pictures, out / "chart.svg")
    short = [g for g in goals if not g["reached"]]
    print(f"\nkept in {out / 'results.json'} and {out / 'chart.svg'}; {len(goals) - len(short)} goals reached, "
          f"{len(short)} not")
    return 0


if __name__ == "__main__":
    sys.exit(main())
