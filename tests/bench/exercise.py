"""The classic exercise: the same 33 sites, one after the other and side by side, each way of looking at them."""
import json
import subprocess
import tempfile
from pathlib import Path

import chart
import report
import surroundings as s

WAYS = [("serial", 1), ("threads", 4), ("processes", 4), ("joblib", 4)]


def table(resolver):
    """Seconds for the list by each way; and what the slowest single site takes."""
    village = s.SlowVillage(resolver)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        names, urls = Path(folder, "names.json"), Path(folder, "urls.txt")
        names.write_text(json.dumps(village.names))
        urls.write_text("\n".join(village.urls) + "\n")
        checker = [s.program("env"), "/usr/bin/python3", s.ROOT / "tests/bench/python_checker.py"]
        for how, workers in WAYS:
            m = s.Measured([*checker, "--how", how, "--workers", workers, "--names", names, urls])
            said = m.last_json()
            rows[f"python {how}" + (f" x{workers}" if workers > 1 else "")] = {
                "wall_s": said["wall_s"], "cpu_s": said["cpu_s"], "alarms": said["alarms"]}
        m = s.Measured([s.BIN / "vedette", "check", "--json", "--resolver", resolver.address, "-f", urls])
        results = [json.loads(line) for line in m.out.splitlines()]
        rows["vedette check, one thread"] = {
            "wall_s": m.wall_s, "cpu_s": m.cpu_s, "alarms": sum(r["verdict"] != "up" for r in results)}
        slowest = max(r["time_ms"] for r in results if r["verdict"] == "up") / 1000
    village.close()
    return {"rows": rows, "slowest_site_s": max(s.delays_s().values()), "slowest_seen_s": slowest,
            "times_slowest": rows["vedette check, one thread"]["wall_s"] / max(s.delays_s().values())}


def lessons():
    """Sleeping and counting in Python."""
    said = subprocess.run(["/usr/bin/python3", s.ROOT / "tests/bench/python_lessons.py"], capture_output=True,
                          text=True, check=True).stdout
    return json.loads(said)


def counterpart(resolver, pki):
    """The same with looks: waiting ones (the slow list) and full TLS handshakes, on 1 and 2 threads and
    2 processes."""
    out = {}
    village = s.SlowVillage(resolver)
    nginx = s.FastNginx(addresses=32, leaf=pki.leaf("bench", "tls.bench.test"), net=45)
    resolver.name("tls.bench.test", *nginx.addresses[:1])
    with tempfile.TemporaryDirectory() as folder:
        slow, tls = Path(folder, "slow.txt"), Path(folder, "tls.txt")
        slow.write_text("\n".join(village.urls[:len(s.EXISTING)]) + "\n")
        tls.write_text(f"https://tls.bench.test:{nginx.port}/\n")
        for name, urls, looks, in_hand in (("waiting", slow, len(s.EXISTING) - 1, 64), ("handshakes", tls, 3000, 32)):
            for threads, processes in ((1, 1), (2, 1), (1, 2)):
                m = s.Measured([s.TOOLS / "bench_looks", "--threads", threads, "--processes", processes, "--looks",
                                looks, "--in-hand", in_hand, "--resolver", resolver.address, "--ca-file",
                                pki.ca_file, urls])
                said = m.last_json()
                out.setdefault(name, {})[f"{threads * processes} {'thread' if processes == 1 else 'process'}"
                                         f"{'es' if processes > 1 else 's' if threads > 1 else ''}"] = said
    nginx.close()
    village.close()
    return out


def run(resolver, pki):
    return {"table": table(resolver), "lessons": lessons(), "counterpart": counterpart(resolver, pki)}


def show(found):
    report.heading("33 sites, two of which do not exist; one after the other: 23.3 s of waiting")
    report.rows(["way", "seconds", "CPU s", "alarms"],
         [[k, f"{r['wall_s']:.2f}", f"{r['cpu_s']:.2f}", r["alarms"]] for k, r in found["table"]["rows"].items()])
    report.heading("waiting and counting in Python: 4 sleeps of 4 s, 4 counts to 10,000,000 (seconds)")
    report.rows(["", "serial", "threads", "processes"],
         [[k, *(f"{r[w]:.2f}" for w in ("serial", "threads", "processes"))] for k, r in found["lessons"].items()])
    report.heading("their counterpart here: the same looks, and 3,000 full TLS handshakes")
    report.rows(["", "looks/s", "CPU us/look", "wall s"],
         [[f"{what}, {how}", f"{r['looks'] / r['wall_s']:.0f}", f"{r['cpu_s'] / r['looks'] * 1e6:.0f}",
           f"{r['wall_s']:.2f}"] for what, ways in found["counterpart"].items() for how, r in ways.items()])
    tls = found["counterpart"]["handshakes"]
    gain = tls["1 thread"]["wall_s"] / tls["2 threads"]["wall_s"]
    print(f"two threads are {gain:.2f} times as fast as one, with the server on the same two cores")
    times = found["table"]["times_slowest"]
    return [report.goal("vedette check of the 33 sites takes at most 1.15 times the slowest site", f"{times:.3f}",
                 times <= 1.15),
            report.goal("exactly the two that do not exist are alarms",
                 found["table"]["rows"]["vedette check, one thread"]["alarms"],
                 found["table"]["rows"]["vedette check, one thread"]["alarms"] == 2)]


def pictures(found):
    return [chart.Bars("33 sites, 23.3 s of waiting", "seconds",
             [(k, r["wall_s"]) for k, r in found["table"]["rows"].items()]),
            chart.Bars("full TLS handshakes with vedette's probes", "looks per second",
             [("vedette, " + k, r["looks"] / r["wall_s"]) for k, r in found["counterpart"]["handshakes"].items()])]
