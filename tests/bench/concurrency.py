"""One worker thread's throughput and CPU per check against looks at once, and against the number of sites.

vedette-loadgen plays the sites, each of which takes 50 ms: so many looks at once are needed for a throughput.
With more sites the worker meets the same one more seldom: names, sessions and the processor's caches.
"""
import re
import subprocess
import tempfile
import time
from pathlib import Path

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


class Crowd:
    """Sites over HTTP; `urls` is a file of them, `resolver` knows their names."""

    def __init__(self, folder, sites):
        self.folder = Path(folder)
        listed, config, self.roots = self.folder / "sites.yaml", self.folder / "vedette.yaml", self.folder / "root.pem"
        self.process = subprocess.Popen(
            [s.BIN / "vedette-loadgen", f"--sites={sites}", "--https=0%", f"--latency={LATENCY_MS}ms",
             f"--latency-p99={LATENCY_MS}ms", "--ttl=300", f"--write={listed}", f"--write-config={config}",
             f"--ca-file={self.roots}", "--report=0s"], stdout=subprocess.DEVNULL)
        while not (self.roots.exists() and config.exists()):
            time.sleep(0.1)
        engine.to_server_core(self.process.pid)
        self.resolver = re.search(r"resolver: *\"?([0-9.:]+)", config.read_text()).group(1)
        self.urls = self.folder / "urls.txt"
        self.urls.write_text("".join(f"{u}\n" for u in re.findall(r"https?://[^\s\"',}]+", listed.read_text())))

    def drive(self, *options):
        return engine.drive(self.urls, *options, resolver=self.resolver, roots=self.roots)

    def close(self):
        self.process.terminate()
        self.process.wait(30)


def run(_resolver, _pki):
    at_once, sites = {}, {}
    for n in SITES:
        with tempfile.TemporaryDirectory(prefix="vb-") as folder:
            crowd = Crowd(folder, n)
            try:
                if n == SITES[0]:
                    for c in AT_ONCE:
                        looks = int(SECONDS * min(MOST_PER_S, c * 1000 / LATENCY_MS))
                        at_once[str(c)] = crowd.drive("--looks", looks, "--warm-up", 2 * n, "--in-hand", c)
                sites[str(n)] = crowd.drive("--looks", max(n, SECONDS * MOST_PER_S), "--warm-up", n, "--in-hand",
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
    times = found["sites"][str(SITES[-1])]["cpu_us"] / found["sites"][str(SITES[0])]["cpu_us"]
    return [report.goal("every look found its site up", "yes" if well else "no", well),
            report.goal(f"a check costs the worker with {SITES[-1]:,} sites at most {FLAT} times what it costs with "
                        f"{SITES[0]:,}", f"{times:.2f}", times <= FLAT)]


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
