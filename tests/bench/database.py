"""Results recorded at a PostgreSQL server, beside psql's COPY alone, and beside SQLite's file.

The server is one of our own, on this machine and synced to its disk. COPY puts the same lines into a table with the
same columns and key: all at once, and in as many transactions as we make. It does not look whether a line is there,
and counts nothing.
"""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import chart
import report
import surroundings as s


sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import postgres  # noqa: E402

SITES, ROUNDS, BATCH = 12_500, 12, 1000  # an hour of looks every five minutes
SYNCED = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "max_wal_size": "2GB"}


def psql(url, *commands):
    words = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    for c in commands:
        words += ["-c", c]
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - began


def recorded(url, *options):
    return s.Measured([s.TOOLS / "bench_store", "--sites", SITES, "--rounds", ROUNDS, "--batch", BATCH, *options,
                       url]).last_json()


def copied(url, folder):
    """Lines a second of COPY: in one transaction, and in as many as we make."""
    lines = folder / "lines.copy"
    psql(url, "CREATE TABLE line (LIKE look INCLUDING ALL)")
    rows = SITES * ROUNDS
    generate = (f"SELECT 1772323200000000 + g * 2000, 1 + g % {SITES}, 72057594037927936 + g, 1500, 1, 25000 + g % 977, "
                "900, 1200, 9000, 13000, 400, 1780000000, 0, 1, 1, 200, g % 4, 1, 0, 0, 0, 0, "
                f"decode('c0000201', 'hex'), NULL::text FROM generate_series(1, {rows}) g")
    psql(url, f"\\copy ({generate}) TO '{lines}'")
    at_once = psql(url, f"\\copy line FROM '{lines}'")
    psql(url, "TRUNCATE line")
    text = lines.read_text().splitlines(keepends=True)
    script = folder / "batches.sql"
    with script.open("w") as out:
        for i in range(0, rows, BATCH):
            out.write("COPY line FROM STDIN;\n" + "".join(text[i:i + BATCH]) + "\\.\n")
    began = time.monotonic()
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", script], check=True)
    return {"at_once_per_s": rows / at_once, "in_batches_per_s": rows / (time.monotonic() - began)}


def run(_resolver, _pki):
    out = {}
    with postgres.Server(SYNCED) as server, tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        out["postgresql, no states"] = recorded(server.schema(), "--no-states")
        out["postgresql"] = recorded(url := server.schema())
        out["sqlite, no states"] = recorded(f"sqlite:{folder}/a.db", "--no-states")
        out["sqlite"] = recorded(f"sqlite:{folder}/b.db")
        out["copy"] = copied(url, Path(folder))
    return out


def all_of_it(r):
    """Results a second that one writer records, rolls up and packs, each once."""
    return 1 / (1 / r["results_per_s"] + 1 / r["rolled_per_s"] + 1 / r["packed_per_s"])


def show(found):
    report.heading(f"Results recorded at a PostgreSQL server: {SITES * ROUNDS:,}, {BATCH:,} in a transaction")
    stores = [k for k in found if k != "copy"]
    report.rows(["", "results/s", "CPU us each", "rolled up/s", "packed/s", "all of it/s", "forgotten/s", "bytes of a line"],
                [[k, f"{found[k]['results_per_s']:,.0f}", f"{found[k]['result_cpu_us']:.1f}",
                  f"{found[k]['rolled_per_s']:,.0f}", f"{found[k]['packed_per_s']:,.0f}", f"{all_of_it(found[k]):,.0f}",
                  f"{found[k]['pruned_per_s']:,.0f}", f"{found[k]['look_bytes']:.0f}"] for k in stores] +
                [["COPY alone, psql, at once", f"{found['copy']['at_once_per_s']:,.0f}", *[""] * 6],
                 [f"COPY alone, psql, {BATCH:,} in a transaction", f"{found['copy']['in_batches_per_s']:,.0f}",
                  *[""] * 6]])
    ours = found["postgresql, no states"]["results_per_s"]
    share = ours / found["copy"]["in_batches_per_s"]
    return [report.goal("results recorded at PostgreSQL, without states: at least a quarter of COPY in such transactions",
                        f"{share:.2f}", share >= 1 / 4),
            report.goal("with states: at least 10,000 a second", f"{found['postgresql']['results_per_s']:,.0f}",
                        found["postgresql"]["results_per_s"] >= 10_000),
            report.goal("... rolled up and packed as well, all by one writer: 6,667, which two million sites bring",
                        f"{all_of_it(found['postgresql']):,.0f}", all_of_it(found["postgresql"]) >= 6_667)]


def pictures(found):
    bars = [(k, r["results_per_s"]) for k, r in found.items() if k != "copy"]
    bars += [("COPY alone, in transactions", found["copy"]["in_batches_per_s"]),
             ("COPY alone, at once", found["copy"]["at_once_per_s"])]
    return [chart.Bars("Results recorded at PostgreSQL", "lines a second", bars)]


if __name__ == "__main__":
    print(json.dumps(run(None, None), indent=2))
