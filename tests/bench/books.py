"""The collector without a network: results from memory, judged, recorded in SQLite on this disk, rolled up, packed
and forgotten, all on one thread.

Three plays of bench_collector: a million sites at 50,000 results a second; three hours of 100,000 sites, after
which the older hours are packed; three days of a few sites of which one day is kept.
"""
import json
import sqlite3
import tempfile
from contextlib import closing

import chart
import report
import surroundings as s

RATE = 50_000
MANY, MANY_ROUNDS = 1_000_000, 4
HOURS_SITES, HOURS = 100_000, 3
DAYS_SITES, DAYS = 2_000, 3
DAYS_RATE = 1_200  # slow enough for the housekeeping, which goes by the monotonic clock
ROUNDS_A_DAY = 288
# What bench_collector itself keeps of a site, beside the collector.
BENCH_BYTES = 28


def play(folder, name, *args):
    path = f"{folder}/{name}.db"
    m = s.Measured([s.TOOLS / "bench_collector", *args, f"sqlite:{path}"])
    lines = [json.loads(line) for line in m.out.splitlines()]
    return path, lines[0], lines[1:]


def table_bytes(path, table):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?", (table,)).fetchone()[0]


def number(path, sql):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchone()[0] or 0


def between(rows, first, last, member):
    """A result's share between two reports; the members are averages since the beginning."""
    a, b = rows[first], rows[last]
    return (b[member] * b["results"] - a[member] * a["results"]) / (b["results"] - a["results"])


def run(_resolver, _pki):
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        _, start, rows = play(folder, "many", "--sites", MANY, "--rounds", MANY_ROUNDS, "--report", 1,
                              "--per-second", RATE)
        many = {"sites": MANY, "start_s": start["start_s"], "first_cpu_us": rows[0]["cpu_us"],
                "cpu_us": rows[-1]["cpu_us"], "wall_us": rows[-1]["wall_us"],
                "last_cpu_us": between(rows, -2, -1, "cpu_us"), "worst_turn_ms": rows[-1]["worst_turn_ms"],
                "resident_mib": (rows[-1]["resident_kib"] * 1024 - BENCH_BYTES * MANY) / 2**20}
        many["per_s"] = 1e6 / many["cpu_us"]

        path, _, rows = play(folder, "hours", "--sites", HOURS_SITES, "--rounds", HOURS * 12, "--report", 12,
                             "--per-second", 3334)
        packed = number(path, "SELECT sum(n) FROM history")
        recent = number(path, "SELECT count(*) FROM look")
        hours = {"cpu_us": rows[-1]["cpu_us"], "packed": packed,
                 "packed_bytes": table_bytes(path, "history") / packed if packed else None,
                 "recent_bytes": table_bytes(path, "look") / recent,
                 "rollup_bytes": table_bytes(path, "rollup") / number(path, "SELECT count(*) FROM rollup")}

        _, _, rows = play(folder, "days", "--sites", DAYS_SITES, "--rounds", DAYS * ROUNDS_A_DAY, "--report",
                          ROUNDS_A_DAY // 4, "--keep-rounds", ROUNDS_A_DAY, "--per-second", DAYS_RATE)
        days = [{"day": r["rounds"] / ROUNDS_A_DAY, "bytes": r["file_bytes"], "looks": r["looks"]} for r in rows]
    return {"many": many, "hours": hours, "days": days}


def show(found):
    many, hours, days = found["many"], found["hours"], found["days"]
    report.heading("the collector without a network, SQLite on this disk")
    report.rows([f"{many['sites']:,} sites", ""],
                [["read from the store at the start, s", f"{many['start_s']:.1f}"],
                 ["CPU us a result", f"{many['cpu_us']:.2f}"],
                 ["... of the last round", f"{many['last_cpu_us']:.2f}"],
                 ["wall us a result, with waiting for the disk", f"{many['wall_us']:.2f}"],
                 ["longest turn, ms", f"{many['worst_turn_ms']:.0f}"],
                 ["resident MiB", f"{many['resident_mib']:.0f}"]])
    report.rows([f"{HOURS_SITES:,} sites for {HOURS} hours", ""],
                [["CPU us a result, packing included", f"{hours['cpu_us']:.2f}"],
                 ["bytes of a line in the recent ledger", f"{hours['recent_bytes']:.1f}"],
                 [f"... packed ({hours['packed']:,} lines)", f"{hours['packed_bytes'] or 0:.1f}"],
                 ["bytes of an hour's roll-up", f"{hours['rollup_bytes']:.1f}"]])
    report.rows([f"{DAYS_SITES:,} sites, one day kept", "MiB", "lines"],
                [[f"day {d['day']:.2f}", f"{d['bytes'] / 2**20:.1f}", f"{d['looks']:,}"] for d in days])
    second, last = (next(d for d in days if d["day"] == day) for day in (2, DAYS))
    return [report.goal(f"{RATE:,} results a second on one core, of {MANY:,} sites (by CPU)",
                        f"{many['per_s']:.0f}", many["per_s"] >= RATE),
            report.goal("a result takes at most 24 bytes of the long-kept history", f"{hours['packed_bytes'] or 0:.1f}",
                        hours["packed_bytes"] and hours["packed_bytes"] <= 24),
            report.goal("the file's size is bounded by what is kept: day 3 over day 2",
                        f"{last['bytes'] / second['bytes']:.3f}", last["bytes"] <= 1.1 * second["bytes"]),
            report.goal(f"the collector holds {MANY:,} sites in 350 MiB", f"{many['resident_mib']:.0f} MiB",
                        many["resident_mib"] <= 350)]


def pictures(found):
    return [chart.Bars("the collector without a network", "CPU microseconds per result",
             [("1,000,000 sites", found["many"]["cpu_us"]), ("100,000 sites, packed", found["hours"]["cpu_us"])])]
