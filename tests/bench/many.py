"""10,000 local sites with one command, beside a Python pool and wrk."""
import json
import re
import tempfile
from pathlib import Path

import chart
import report
import surroundings as s

SITES = 10_000
PYTHON_SITES = 2_000  # enough for a steady figure; all of them would take minutes


def run(resolver, _pki):
    nginx = s.FastNginx()
    hosts = {f"site-{i}.bench.test": nginx.addresses[i % len(nginx.addresses)] for i in range(SITES)}
    resolver.many(list(hosts.items()), ttl=300)
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        names, urls, some = (Path(folder, n) for n in ("names.json", "urls.txt", "some.txt"))
        names.write_text(json.dumps(hosts))
        lines = [f"http://{h}:{nginx.port}/" for h in hosts]
        urls.write_text("\n".join(lines) + "\n")
        some.write_text("\n".join(lines[:PYTHON_SITES]) + "\n")

        m = s.Measured([s.BIN / "vedette", "check", "--json", "--resolver", resolver.address, "--concurrency", 200,
                        "-f", urls])
        up = sum(json.loads(line)["verdict"] == "up" for line in m.out.splitlines())
        out["vedette check, one thread"] = {"looks": SITES, "up": up, "wall_s": m.wall_s, "cpu_s": m.cpu_s}

        for how, workers in (("threads", 4), ("processes", 4)):
            said = s.Measured(["/usr/bin/python3", s.ROOT / "tests/bench/python_checker.py", "--how", how, "--workers",
                               workers, "--names", names, some]).last_json()
            out[f"python {how} x{workers}"] = {"looks": PYTHON_SITES, "up": PYTHON_SITES - said["alarms"],
                                               "wall_s": said["wall_s"], "cpu_s": said["cpu_s"]}

        # GET: wrk waits for a body after HEAD, which has none.
        m = s.Measured([s.program("wrk"), "-t1", "-c50", "-d5s", "-H", "Connection: close",
                        f"http://{nginx.addresses[0]}:{nginx.port}/"])
        requests = int(re.search(r"(\d+) requests in", m.out).group(1))
        out["wrk, Connection: close"] = {"looks": requests, "up": requests, "wall_s": m.wall_s, "cpu_s": m.cpu_s}
    nginx.close()
    for row in out.values():
        row["per_s"] = row["looks"] / row["wall_s"]
        row["cpu_us"] = row["cpu_s"] / row["looks"] * 1e6
    return out


def show(found):
    report.heading("10,000 local HTTP sites, a new connection each")
    report.rows(["way", "looks", "up", "looks/s", "CPU us/look", "of wrk"],
         [[k, r["looks"], r["up"], f"{r['per_s']:.0f}", f"{r['cpu_us']:.0f}",
           f"{r['cpu_us'] / found['wrk, Connection: close']['cpu_us']:.2f}"] for k, r in found.items()])
    ours = found["vedette check, one thread"]
    return [report.goal("all 10,000 are up", ours["up"], ours["up"] == ours["looks"])]


def pictures(found):
    return [chart.Bars("10,000 local HTTP sites", "CPU microseconds per look",
                       [(k, r["cpu_us"]) for k, r in found.items()])]
