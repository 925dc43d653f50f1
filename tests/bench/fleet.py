"""A thousand workers at one coordinator, which is the real one and watches a million sites every five minutes.

The workers are simulated: bench_fleet speaks the control protocol for all of them from one process, with two
connections for each as a worker's lane has, and looks at nothing; it is the collector too, which here does no more
than say at once that a result is recorded. What is measured is the coordinator: what its workers cost it beside its
sites, and whether looks begin on time.
"""
import json
import os
import tempfile

import chart
import report
import surroundings as s

SITES = int(os.environ.get("BENCH_FLEET_SITES", 1_000_000))
WORKERS = (10, 100, 1000)
WARM_S, SECONDS = 20, 65  # lateness is told of the last minute


def play(workers):
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        # The sites are those of one domain, which nobody is to spare here.
        return s.Measured([s.TOOLS / "bench_fleet", "--folder", folder, "--workers", workers, "--sites", SITES,
                           "--control", f"tcp://127.0.0.1:{s.free_port()}", "--warm-up", WARM_S, "--seconds", SECONDS,
                           s.BIN / "vedette-coordinator", "--set=polite.domain_at_once=0",
                           "--set=polite.domain_per_s=0", f"--set=endpoint.jobs=tcp://127.0.0.1:{s.free_port()}",
                           "--set=metrics.coordinator=", "--set=log.level=error"]).last_json()


def run(_resolver, _pki):
    return {str(n): play(n) for n in WORKERS}


def cores(r):
    return r["cpu_s"] / r["wall_s"]


def show(found):
    report.heading(f"{SITES:,} sites every five minutes, so many workers (simulated, of one lane each) at one coordinator")
    report.rows(["workers", "all joined, s", "checks/s", "cores", "CPU us/check", "resident MiB", "late p50 ms", "p99 ms",
                 "most ms", "missed", "(the simulation, cores)"],
                [[f"{int(n):,}", f"{r['joined_s']:.2f}", f"{r['concluded'] / r['wall_s']:.0f}", f"{cores(r):.3f}",
                  f"{r['cpu_s'] / r['concluded'] * 1e6:.1f}", f"{r['rss_kib'] / 1024:.0f}",
                  f"{r['late_p50_us'] / 1000:.1f}", f"{r['late_p99_us'] / 1000:.1f}", f"{r['late_max_us'] / 1000:.1f}",
                  r["missed"], f"{r['own_cpu_s'] / r['wall_s']:.2f}"] for n, r in found.items()])
    few, many = found[str(WORKERS[0])], found[str(WORKERS[-1])]
    each_us = (many["cpu_s"] - few["cpu_s"]) / many["wall_s"] / (WORKERS[-1] - WORKERS[0]) * 1e6
    each_kib = (many["rss_kib"] - few["rss_kib"]) / (WORKERS[-1] - WORKERS[0])
    print(f"a worker more costs the coordinator {each_us:.0f} us of CPU a second, and {each_kib:.0f} KiB")
    return [report.goal(f"{WORKERS[-1]:,} workers: nothing is missed", many["missed"],
                        all(r["missed"] == 0 for r in found.values())),
            report.goal(f"{WORKERS[-1]:,} workers: p99 lateness under 100 ms", f"{many['late_p99_us'] / 1000:.1f} ms",
                        many["late_p99_us"] < 100_000),
            report.goal(f"{WORKERS[-1]:,} workers: the coordinator takes under half a core", f"{cores(many):.3f}",
                        cores(many) < 0.5),
            report.goal(f"{WORKERS[-1]:,} workers: the coordinator's resident memory under 512 MiB",
                        f"{many['rss_kib'] / 1024:.0f} MiB", many["rss_kib"] < 512 * 1024)]


def pictures(found):
    def points(value):
        return [(int(n), value(r)) for n, r in found.items()]

    return [chart.Lines("one coordinator, so many workers", "workers", "cores", {"vedette-coordinator": points(cores)},
                        log_x=True),
            chart.Lines("how late looks began", "workers", "ms",
                        {"p99": points(lambda r: r["late_p99_us"] / 1000),
                         "p50": points(lambda r: r["late_p50_us"] / 1000)}, log_x=True)]


if __name__ == "__main__":
    result = run(None, None)
    print(json.dumps(result))
    show(result)
