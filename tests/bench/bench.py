#!/usr/bin/python3
"""Runs the measurements, prints them as tables, keeps what they found.

    bench.py --out build/bench [--only exercise,many,cluster] [--publish]

All on one machine, with servers on its loopback: the ratios mean something, single times on a shared
machine mean little.

A measurement is a module with run(resolver, pki), which returns what it found in a form that JSON can hold,
show(found), which prints it and returns its goals (report.goal), and pictures(found), which chart.py draws.
Of each the newest is kept as NAME.json and NAME.svg; all that are there make results.md (writeup.py), and with
--publish RESULTS.md beside this file.
"""
import argparse
import importlib
import io
import json
import sys
from contextlib import closing, redirect_stdout
from pathlib import Path

import chart
import surroundings
import writeup

MEASUREMENTS = ["exercise", "many", "engine", "concurrency", "resumption", "schedule", "books", "database", "takeover",
                "cluster", "workers", "fleet", "alarm", "million"]


class Both(io.StringIO):
    """What is printed, and kept as well."""

    def write(self, text):
        sys.__stdout__.write(text)
        return super().write(text)


def measure(name, resolver, pki, out):
    module = importlib.import_module(name)
    found = module.run(resolver, pki)
    with redirect_stdout(Both()) as said:
        goals = module.show(found)
    kept = {"machine": surroundings.machine(), "found": found, "goals": goals, "said": said.getvalue()}
    (out / f"{name}.json").write_text(json.dumps(kept, indent=2) + "\n")
    chart.draw(module.pictures(found), out / f"{name}.svg")
    return goals


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", default=",".join(MEASUREMENTS))
    parser.add_argument("--publish", action="store_true", help="measure nothing; RESULTS.md from what is kept")
    args = parser.parse_args()
    wanted = args.only.split(",")
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]}; there are {', '.join(MEASUREMENTS)}")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    if args.publish:
        writeup.publish(out, MEASUREMENTS)
        return 0

    goals = []
    with closing(surroundings.Resolver()) as resolver, closing(surroundings.Pki()) as pki:
        for name in (m for m in MEASUREMENTS if m in wanted):
            goals += measure(name, resolver, pki, out)
    (out / "results.md").write_text(writeup.results(out, MEASUREMENTS))
    short = [g for g in goals if not g["reached"]]
    print(f"\nkept in {out}, all together in {out / 'results.md'}; {len(goals) - len(short)} goals reached, "
          f"{len(short)} not")
    return 0


if __name__ == "__main__":
    sys.exit(main())
