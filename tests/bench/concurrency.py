"""One worker thread's throughput and CPU per check against looks at once, and against the number of sites.

vedette-loadgen plays the sites, each of which takes 50 ms: so many looks at once are needed for a throughput.
With more sites the worker meets the same one more seldom: names, sessions and the processor's caches.
(Of 1,000 sites the names are all known after the first looks; of more they must be asked for.)
"""
import tempfile

import chart
import engine
import report
import surroundings as s

LATENCY_MS = 50
AT_ONCE = (1, 4, 16, 64, 256, 1024, 4096)
SITES = (1_000, 10_000, 100_000)
SITES_AT_ONCE = 256
SECONDS = 3
MOST_PER_S = 6_000
FLAT = 1.25


def crowd_of(folder, sites):
    crowd = s.Crowd(folder, sites, "--https=0%", f"--latency={LATENCY_MS}ms", f"--latency-p99={LATENCY_MS}ms",
                    "--ttl=300")
    engine.to_server_core(crowd.process.pid)
    return crowd


def drive(crowd, *options):
    return engine.drive(crowd.list("urls"), *options, resolver=crowd.resolver, roots=crowd.roots)


def run(_resolver, _pki):
    at_once, sites = {}, {}
    for n in SITES:
        with tempfile.TemporaryDirectory(prefix="vb-") as folder:
            crowd = crowd_of(folder, n)
            try:
                if n == SITES[0]:
                    for c in AT_ONCE:
                        looks = int(SECONDS * min(MOST_PER_S, c * 1000 / LATENCY_MS))
                        at_once[str(c)] = drive(crowd, "--looks", looks, "--warm-up", 2 * n, "--in-hand", c)
                sites[str(n)] = drive(crowd, "--looks", max(n, SECONDS * MOST_PER_S), "--warm-up", n, "--in-hand",
                                            SITES_AT_ONCE)
            finally:
                crowd.close()
    return {"at_once": at_once, "sites": sites}


def show(found):
    for key, head in (("at_once", f"one thread, sites that take {LATENCY_MS} ms: looks at once"),
                      ("sites", f"one thread, {SITES_AT_ONCE} looks at once: number of sites")):
        report.heading(head)
        report.rows(["", "looks", "up", "looks/s", "CPU us/look", "p99 ms"],
                    [[f"{int(k):,}", r["looks"], r["up"], f"{r['looks'] / r['wall_s']:.0f}", f"{r['cpu_us']:.0f}",
                      f"{r['took_p99_us'] / 1000:.1f}"] for k, r in found[key].items()])
    well = all(r["up"] == r["looks"] for key in found for r in found[key].values())
    times = found["sites"][str(SITES[-1])]["cpu_us"] / found["sites"][str(SITES[1])]["cpu_us"]
    return [report.goal("every look found its site up", "yes" if well else "no", well),
            report.goal(f"a check costs the worker with {SITES[-1]:,} sites at most {FLAT} times what it costs with "
                        f"{SITES[1]:,}", f"{times:.2f}", times <= FLAT)]


def pictures(found):
    def points(key, value):
        return [(int(k), value(r)) for k, r in found[key].items()]

    def rate(r):
        return r["looks"] / r["wall_s"]

    def cpu(r):
        return r["cpu_us"]

    return [chart.Lines("throughput of one worker thread", "looks at once", "checks a second",
                        {"vedette": points("at_once", rate)}, log_x=True),
            chart.Lines("what a check costs the worker", "looks at once", "CPU microseconds per check",
                        {"vedette": points("at_once", cpu)}, log_x=True),
            chart.Lines("what a check costs the worker", "sites", "CPU microseconds per check",
                        {"vedette": points("sites", cpu)}, log_x=True),
            chart.Lines("throughput of one worker thread", "sites", "checks a second",
                        {"vedette": points("sites", rate)}, log_x=True)]
