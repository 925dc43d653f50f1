"""The tutorial's table: the same 33 sites, each way of looking at them."""
import json
import subprocess
import tempfile
from pathlib import Path

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
