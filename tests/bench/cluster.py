"""10,000 sites every 10 s through all daemons, for a minute after the first round."""
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import chart
import report
import surroundings as s

SITES, EVERY_S, WARM_S, MINUTE_S = 10_000, 10, 15, 60
TICK = os.sysconf("SC_CLK_TCK")


def children(pid):
    """name -> pid, of the daemons that a `vedette up` started."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            program = (entry / "exe").readlink().name
        except OSError:
            continue
        if parent == pid:
            key = program.removeprefix("vedette-")
            while key in found:
                key += "'"
            found[key] = int(entry.name)
    return found


def used(pid):
    """(CPU seconds, resident KiB) so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    rss = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return (int(fields[11]) + int(fields[12])) / TICK, int(rss[0].split()[1])


def status(store):
    said = subprocess.run([s.BIN / "vedette", "status", "--json", "--store", store], capture_output=True, text=True,
                          check=True).stdout
    return json.loads(said)


def site_list(nginx, hosts):
    lines = [f"defaults: {{every: {EVERY_S}s, timeout: 5s}}",
             "owners:", "  - {name: nobody, notify: ['exec:/bin/true']}", "sites:"]
    return "\n".join(lines + [f"  - http://{h}:{nginx.port}/" for h in hosts]) + "\n"


def endpoints(folder):
    return [f"--set=endpoint.{lane}=ipc://{folder}/{lane}"
            for lane in ("control", "results", "feed", "feedback", "jobs")]


def run(resolver, _pki):
    nginx = s.FastNginx(net=46)
    hosts = {f"cluster-{i}.bench.test": nginx.addresses[i % len(nginx.addresses)] for i in range(SITES)}
    resolver.many(list(hosts.items()), ttl=300)
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        sites, store = Path(folder, "sites.yaml"), f"sqlite:{folder}/vedette.db"
        sites.write_text(site_list(nginx, hosts))
        up = subprocess.Popen(
            [s.BIN / "vedette", "up", "--store", store, "--sites", sites, "--workers", "1", *endpoints(folder),
             f"--set=worker.resolver={resolver.address}", "--set=worker.allow=127.0.0.0/8",
             "--for", f"{WARM_S + MINUTE_S + 30}s"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(WARM_S)
            daemons = children(up.pid)
            before = {k: used(p)[0] for k, p in daemons.items()}
            first = status(store)
            time.sleep(MINUTE_S)
            after = {k: used(p) for k, p in daemons.items()}
            last = status(store)
        finally:
            up.terminate()
            up.wait(30)
        size = sum(f.stat().st_size for f in Path(folder).glob("vedette.db*"))
        looks = status(store)["store"]["looks"]
    nginx.close()
    concluded = last["concluded"] - first["concluded"]
    missed = last["missed"] - first["missed"]
    return {
        "sites": SITES, "every_s": EVERY_S, "concluded": concluded, "missed": missed,
        "coverage": concluded / (concluded + missed) if concluded else 0,
        "up": last["sites"]["up"],
        "late_p50_us": last["late_p50_ms"] * 1000, "late_p99_us": last["late_p99_ms"] * 1000,
        "bytes_per_check": size / looks if looks else 0,
        "processes": {k: {"cpu_s": cpu - before[k], "cpu_us": (cpu - before[k]) / max(1, concluded) * 1e6,
                          "rss_kib": rss} for k, (cpu, rss) in after.items()},
    }


def show(found):
    report.heading("10,000 sites every 10 s through coordinator, worker, collector and SQLite, for a minute")
    report.rows(["process", "CPU s", "CPU us/check", "resident MiB"],
         [[k, f"{p['cpu_s']:.2f}", f"{p['cpu_us']:.0f}", f"{p['rss_kib'] / 1024:.0f}"]
          for k, p in found["processes"].items()])
    report.rows(["", ""], [["checks concluded", found["concluded"]], ["missed", found["missed"]],
                    ["lateness p50 ms", f"{found['late_p50_us'] / 1000:.1f}"],
                    ["lateness p99 ms", f"{found['late_p99_us'] / 1000:.1f}"],
                    ["bytes stored per check", f"{found['bytes_per_check']:.0f}"]])
    return [report.goal("coverage is 100 %", f"{found['coverage'] * 100:.3f} %", found["coverage"] == 1)]


def pictures(found):
    return [chart.Bars("the cluster: 10,000 sites every 10 s", "CPU microseconds per check",
             [("vedette " + k, p["cpu_us"]) for k, p in found["processes"].items()])]
