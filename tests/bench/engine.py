"""What a check costs the worker, the whole way from the job to the recorded result, beside what others
cost for the same sites: wrk, `openssl s_time`, python3-requests, prometheus-blackbox-exporter.

bench_engine plays coordinator and collector to a real vedette-worker. Servers have the last core, clients
the first, where there are two. Others are helped where that is simpler: requests gets its names from a
table, blackbox-exporter and wrk get addresses, s_time sends no request and checks no name.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import chart
import report
import surroundings as s

NAMES, LOOKS, TLS_LOOKS = 2_000, 40_000, 3_000
# Looks in hand at once, where nothing but the work should bound the rate: enough for a loop that is never idle.
FULL = 512
HANGING, RATE = 4_000, 500
MANY_NAMES, MUTE = 100_000, 300
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))


def client(words):
    """The command on the first core, when there is another one for the servers."""
    return ["taskset", "-c", str(CORES[0]), *map(str, words)] if len(CORES) > 1 else list(map(str, words))


def to_server_core(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), CORES[-1:])


class Scene:
    """Folder, names, two nginx, and all the roots a system has with ours among them."""

    def __init__(self, resolver, pki, stack):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vedette-engine-")))
        self.unbound, self.resolver = resolver, resolver.address
        self.roots = self.folder / "roots.pem"
        system = Path(SYSTEM_ROOTS).read_text() if Path(SYSTEM_ROOTS).exists() else ""
        self.roots.write_text(system + Path(pki.ca_file).read_text())
        self.n_roots = self.roots.read_text().count("BEGIN CERTIFICATE")
        self.http = s.FastNginx(net=47)
        self.https = s.FastNginx(net=48, leaf=pki.leaf("engine", "*.engine.bench.test"))
        for nginx in (self.http, self.https):
            stack.callback(nginx.close)
            to_server_core(nginx.process.popen.pid)
        self.hosts = {f"e{i}.engine.bench.test": f"127.{{}}.0.{i % 64 + 1}" for i in range(NAMES)}
        resolver.many([(h, a.format(47)) for h, a in self.hosts.items()], ttl=300)
        resolver.many([(f"t{h}", a.format(48)) for h, a in self.hosts.items()], ttl=300)
        self.urls = self.list("urls", [f"http://{h}:{self.http.port}/" for h in self.hosts])
        self.tls_urls = self.list("tls", [f"https://t{h}:{self.https.port}/" for h in self.hosts])

    def list(self, name, urls):
        path = self.folder / f"{name}.txt"
        path.write_text("\n".join(urls) + "\n")
        return path

    def engine(self, urls, *options, resolver=None, pinned=True):
        return drive(urls, *options, resolver=resolver or self.resolver, roots=self.roots, pinned=pinned)


def drive(urls, *options, resolver, roots, pinned=True):
    """bench_engine with a worker of one thread, and what it said."""
    lanes = tempfile.mkdtemp(prefix="vb-")
    try:
        words = [s.TOOLS / "bench_engine", "--folder", lanes, *options, urls, s.BIN / "vedette-worker",
                 f"--set=worker.resolver={resolver}", "--set=worker.allow=127.0.0.0/8", f"--set=worker.ca_file={roots}",
                 "--set=worker.tls_sessions=0", "--set=worker.slots=8192", "--set=worker.canaries=",
                 "--set=log.level=error"]
        said = s.Measured(client(words) if pinned else words).last_json()
    finally:
        shutil.rmtree(lanes)
    said["cpu_us"] = said["cpu_s"] / said["looks"] * 1e6
    return said


# ── The others ──────────────────────────────────────────────────────────────────────────────────────────


def wrk(scene):
    m = s.Measured(client([s.program("wrk"), "-t1", "-c64", "-d5s", "-H", "Connection: close",
                           f"http://{scene.http.addresses[0]}:{scene.http.port}/"]))
    looks = int(re.search(r"(\d+) requests in", m.out).group(1))
    return {"looks": looks, "up": looks, "wall_s": m.wall_s, "cpu_s": m.cpu_s}


def s_time(scene):
    m = s.Measured(client([s.program("openssl"), "s_time", "-connect",
                           f"{scene.https.addresses[0]}:{scene.https.port}", "-new", "-time", "5", "-verify", "5",
                           "-CAfile", scene.roots]))
    looks = int(re.search(r"(\d+) connections in", m.out).group(1))
    return {"looks": looks, "up": looks, "wall_s": m.wall_s, "cpu_s": m.cpu_s}


def requests(scene, urls, n, prefix, net):
    names, some = scene.folder / "names.json", scene.folder / "some.txt"
    names.write_text(json.dumps({prefix + h: a.format(net) for h, a in scene.hosts.items()}))
    some.write_text("\n".join(urls.read_text().splitlines()[:n]) + "\n")
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(scene.roots)}
    said = s.Measured(client(["/usr/bin/python3", s.ROOT / "tests/bench/python_checker.py", "--how", "serial",
                              "--names", names, some]), env=environment).last_json()
    return {"looks": n, "up": n - said["alarms"], "wall_s": said["wall_s"], "cpu_s": said["cpu_s"]}


BLACKBOX = """
modules:
  http: {prober: http, timeout: 20s, http: {method: HEAD, preferred_ip_protocol: ip4}}
  https:
    prober: http
    timeout: 20s
    http:
      method: HEAD
      preferred_ip_protocol: ip4
      tls_config: {ca_file: ROOTS, server_name: te0.engine.bench.test}
"""


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def blackbox(scene, target):
    """The exporter asked by wrk, which costs it a keep-alive request for each probe."""
    conf, port = scene.folder / "blackbox.yml", s.free_port()
    conf.write_text(BLACKBOX.replace("ROOTS", str(scene.roots)))
    exporter = s.Process("blackbox", client([s.program("prometheus-blackbox-exporter"), f"--config.file={conf}",
                                             f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]),
                         scene.folder / "blackbox.log")
    try:
        url = f"http://127.0.0.1:{port}/probe?module={target.split(':')[0]}&target={target}"
        end = time.monotonic() + 20
        while "probe_success 1" not in fetch(url):
            if time.monotonic() > end:
                raise RuntimeError(f"blackbox-exporter does not find {target} up: {fetch(url)[-500:]}")
            time.sleep(0.1)
        before, began = cpu_of(exporter.popen.pid), time.monotonic()
        m = s.Measured(client([s.program("wrk"), "-t1", "-c8", "-d5s", "--timeout", "30s", url]))
        looks = int(re.search(r"(\d+) requests in", m.out).group(1))
        return {"looks": looks, "up": looks, "wall_s": time.monotonic() - began,
                "cpu_s": cpu_of(exporter.popen.pid) - before}
    finally:
        exporter.stop()


def fetch(url):
    return subprocess.run(["/usr/bin/python3", "-c", "import sys, urllib.request as u\n"
                           "try: print(u.urlopen(sys.argv[1]).read().decode())\nexcept OSError as e: print(e)", url],
                          capture_output=True, text=True, check=True).stdout


# ── The rows ────────────────────────────────────────────────────────────────────────────────────────────


def beside_others(scene):
    http = {
        "vedette-worker": scene.engine(scene.urls, "--looks", LOOKS, "--warm-up", 2 * NAMES, "--in-hand", FULL),
        "wrk": wrk(scene),
        "vedette-worker, again": scene.engine(scene.urls, "--looks", LOOKS, "--warm-up", 2 * NAMES, "--in-hand", FULL),
        "wrk, again": wrk(scene),
        "vedette-worker, 1,000 a second": scene.engine(scene.urls, "--looks", 10_000, "--warm-up", 2 * NAMES,
                                                       "--rate", 1000),
        "python3-requests": requests(scene, scene.urls, 1000, "", 47),
        "python3-requests, again": requests(scene, scene.urls, 1000, "", 47),
        "blackbox-exporter": blackbox(scene, f"http://{scene.http.addresses[0]}:{scene.http.port}/"),
        "blackbox-exporter, again": blackbox(scene, f"http://{scene.http.addresses[0]}:{scene.http.port}/"),
    }
    https = {
        "vedette-worker": scene.engine(scene.tls_urls, "--looks", TLS_LOOKS, "--warm-up", 200, "--in-hand", 64),
        "openssl s_time": s_time(scene),
        "vedette-worker, again": scene.engine(scene.tls_urls, "--looks", TLS_LOOKS, "--warm-up", 200, "--in-hand", 64),
        "openssl s_time, again": s_time(scene),
        "python3-requests": requests(scene, scene.tls_urls, 200, "t", 48),
        "python3-requests, again": requests(scene, scene.tls_urls, 200, "t", 48),
        "blackbox-exporter": blackbox(scene, f"https://{scene.https.addresses[0]}:{scene.https.port}/"),
        "blackbox-exporter, again": blackbox(scene, f"https://{scene.https.addresses[0]}:{scene.https.port}/"),
    }
    for row in [*http.values(), *https.values()]:
        row["cpu_us"] = row["cpu_s"] / row["looks"] * 1e6
    return http, https


def threads(scene):
    return {f"{words}{again}": scene.engine(scene.tls_urls, "--looks", TLS_LOOKS, "--warm-up", 200,
                                            "--in-hand", 48 * n, "--threads", n, pinned=False)
            for again in ("", ", again") for n, words in ((1, "1 thread"), (2, "2 threads"))}


class Silence:
    """Addresses where connecting works and nobody ever answers."""

    def __init__(self, net, n=64):
        self.port = s.free_port()
        self.sockets = [socket.create_server((f"127.{net}.0.{i + 1}", self.port), backlog=4096) for i in range(n)]
        self.addresses = [f"127.{net}.0.{i + 1}" for i in range(n)]

    def urls(self, scheme, n):
        return [f"{scheme}://{self.addresses[i % len(self.addresses)]}:{self.port}/{i}" for i in range(n)]

    def close(self):
        for one in self.sockets:
            one.close()


def hanging(scene):
    """HTTP sites that never answer a connection, and HTTPS sites that never answer a request."""
    silence = Silence(49)
    plain = scene.list("hang", silence.urls("http", HANGING))
    rate = ["--looks", 10 * RATE, "--warm-up", NAMES, "--in-hand", 64, "--rate", RATE]
    with closing(silence):
        found = {}
        for again in ("", ", again"):
            found[f"none hangs{again}"] = scene.engine(scene.urls, *rate)
            found[f"{HANGING:,} hang, HTTP{again}"] = scene.engine(scene.urls, *rate, "--hanging", plain,
                                                                   "--hang-s", 35)
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        crowd = s.Crowd(folder, HANGING + NAMES, "--https=100%", f"--rule=sites 1-{HANGING} hang 60s", "--ttl=300",
                        "--latency=20ms", "--latency-p99=40ms")
        to_server_core(crowd.process.pid)
        secure, answer = crowd.list("hang", 0, HANGING), crowd.list("answer", HANGING)

        def drive_https(*more):
            return drive(answer, *rate, *more, resolver=crowd.resolver, roots=crowd.roots)

        with closing(crowd):
            for again in ("", ", again"):
                found[f"none hangs, HTTPS{again}"] = drive_https()
                found[f"{HANGING:,} hang, HTTPS{again}"] = drive_https("--hanging", secure, "--hang-s", 35)
    return found


def names(scene):
    """Each name asked for once; the zone hole.test is one whose name servers do not answer."""
    hosts = [(f"n{i}.many.bench.test", f"127.47.0.{i % 64 + 1}") for i in range(MANY_NAMES)]
    scene.unbound.many(hosts, ttl=60)
    every = scene.list("many", [f"http://{h}:{scene.http.port}/" for h, _ in hosts])
    mute = scene.list("mute", [f"http://n{i}.hole.test/" for i in range(MUTE)])
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    deaf.bind(("127.0.0.1", 0))
    two = f"127.0.0.1:{deaf.getsockname()[1]},{scene.resolver}"
    rate = ["--looks", 10 * RATE, "--warm-up", RATE, "--rate", RATE, "--in-hand", 64]
    try:
        return {
            "all names, each once": scene.engine(every, "--looks", MANY_NAMES, "--in-hand", 64),
            "all names, each once, again": scene.engine(every, "--looks", MANY_NAMES, "--in-hand", 64),
            "500 names a second": scene.engine(every, *rate),
            f"... beside {MUTE} of a zone without answer": scene.engine(every, *rate, "--hanging", mute,
                                                                        "--hang-s", 20),
            "... with a first name server that is dead": scene.engine(every, *rate, resolver=two),
        }
    finally:
        deaf.close()


def run(resolver, pki):
    with ExitStack() as stack:
        scene = Scene(resolver, pki, stack)
        http, https = beside_others(scene)
        return {"roots": scene.n_roots, "cores": len(CORES), "http": http, "https": https, "threads": threads(scene),
                "hanging": hanging(scene), "names": names(scene)}


# ── What it comes to ────────────────────────────────────────────────────────────────────────────────────


def best(rows, name):
    """The better of two readings: on a shared machine the larger one has more of the neighbours in it."""
    return min(rows[n]["cpu_us"] for n in (name, f"{name}, again"))


def table(rows, beside):
    report.rows(["", "looks", "up", "looks/s", "CPU us/look", "of ours"],
                [[k, r["looks"], r["up"], f"{r['looks'] / r['wall_s']:.0f}", f"{r['cpu_us']:.0f}",
                  f"{r['cpu_us'] / beside:.2f}"] for k, r in rows.items()])


def at_most(text, value, most):
    return report.goal(f"{text} at most {most:g}", f"{value:.3g}", value <= most)


def show_beside(found):
    http, https = found["http"], found["https"]
    ours = best(http, "vedette-worker")
    ours_tls = best(https, "vedette-worker")
    report.heading("HTTP HEAD, a new connection each: job in, name from the cache, look, result out")
    table(http, ours)
    report.heading(f"HTTPS HEAD, full handshake, P-256 chain verified against {found['roots']} roots")
    table(https, ours_tls)
    well = all(r["up"] == r["looks"] for r in [*http.values(), *https.values()])
    return [
        at_most("HTTP: CPU per check, of wrk's per request,", ours / best(http, "wrk"),
                1.5),
        at_most("HTTP: of python3-requests'", ours / best(http, "python3-requests"), 1 / 8),
        at_most("HTTP: of blackbox-exporter's", ours / best(http, "blackbox-exporter"), 1 / 40),
        at_most("HTTPS: of openssl s_time's per connection",
                ours_tls / best(https, "openssl s_time"), 1.3),
        at_most("HTTPS: of python3-requests'", ours_tls / best(https, "python3-requests"), 1 / 25),
        at_most("HTTPS: of blackbox-exporter's", ours_tls / best(https, "blackbox-exporter"), 1 / 8),
        report.goal("every look of every program found its site up", "yes" if well else "no", well),
    ]


def show_threads(found):
    report.heading("HTTPS on two threads against one")
    rows = found["threads"]
    one, two = best(rows, "1 thread"), best(rows, "2 threads")
    table(rows, one)
    per_s = [max(rows[n]["looks"] / rows[n]["wall_s"] for n in (name, f"{name}, again"))
             for name in ("1 thread", "2 threads")]
    rate = per_s[1] / per_s[0]
    free = found["cores"] >= 4
    note = "" if free else f" (the server needs as much as two clients, and there are {found['cores']} cores in all)"
    return [at_most("two threads: CPU per check, of one thread's", two / one, 1.05),
            report.goal("two threads: rate, of one thread's, at least 1.8", f"{rate:.2f}{note}", rate >= 1.8)]


def show_hanging(found):
    report.heading(f"sites that hang, beside {RATE} checks a second that answer")
    rows = found["hanging"]
    for row in rows.values():
        if row["hanging"]:
            row["kb_each"] = (row["rss_hanging_kib"] - row["rss_idle_kib"]) * 1.024 / row["hanging"]
    plain, secure = (f"{HANGING:,} hang, {scheme}" for scheme in ("HTTP", "HTTPS"))
    report.rows(["", "looks", "up", "CPU us/look", "p99 ms", "hang", "told right", "kB each"],
                [[k, r["looks"], r["up"], f"{r['cpu_us']:.0f}", f"{r['took_p99_us'] / 1000:.1f}", r["hanging"],
                  r["hanging_right"], f"{r.get('kb_each', 0):.1f}"] for k, r in rows.items()])
    wrong = sum(r["looks"] - r["up"] + r["hanging"] - r["hanging_right"] for r in rows.values())
    return [at_most(f"{HANGING:,} hanging sites: CPU per check, of none hanging,",
                    best(rows, plain) / best(rows, "none hangs"), 1.15),
            at_most("... HTTPS,", best(rows, secure) / best(rows, "none hangs, HTTPS"), 1.15),
            report.goal("verdicts that are wrong", wrong, wrong == 0),
            at_most("kB for each HTTP check in flight", rows[plain]["kb_each"], 20),
            at_most("kB for each HTTPS check in flight", rows[secure]["kb_each"], 70)]


def show_names(found):
    report.heading(f"{MANY_NAMES:,} different host names, time to live 60 s")
    rows = found["names"]
    report.rows(["", "looks", "up", "CPU us/look", "p50 ms", "p99 ms", "slowest ms"],
                [[k, r["looks"], r["up"], f"{r['cpu_us']:.0f}", *(f"{r[f'took_{w}_us'] / 1000:.1f}"
                                                                  for w in ("p50", "p99", "most"))]
                 for k, r in rows.items()])
    once, twice, alone, beside, dead = rows.values()
    tenths = [min(both) / once["looks"] * 10 * 1e6 for both in zip(once["tenths_cpu_s"], twice["tenths_cpu_s"])]
    print(f"CPU us/look, tenth by tenth, the better of both readings: {' '.join(f'{t:.0f}' for t in tenths)}")
    flat = tenths[-1] / tenths[0]
    later = max(beside["took_p99_us"], dead["took_p99_us"]) - alone["took_p99_us"]
    well = all(r["looks"] == r["up"] for r in rows.values())
    return [at_most("cost of the last tenth of the names, of the first's", flat, 1.15),
            at_most("a zone without answer, or a dead name server: ms that others' p99 is later", later / 1000, 20),
            report.goal("every site with a name was found up", "yes" if well else "no", well)]


def show(found):
    return show_beside(found) + show_threads(found) + show_hanging(found) + show_names(found)


def pictures(found):
    return [chart.Bars(title, "CPU microseconds per look", [(k, r["cpu_us"]) for k, r in found[key].items()])
            for key, title in (("http", "HTTP: a check, beside others"), ("https", "HTTPS: a check, beside others"))]
