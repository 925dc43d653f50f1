"""What the measurements stand on: a name server, an nginx with many addresses,
33 sites with their delays, and how a command is measured."""
import asyncio
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from harness.aloop import Background  # noqa: E402
from harness.dns import Resolver  # noqa: E402,F401
from harness.pki import Pki  # noqa: E402,F401
from harness.process import Process, free_port, program  # noqa: E402

BIN = Path(os.environ.get("VEDETTE_BIN", ROOT / "build/release/bin"))
TOOLS = BIN.parent / "bench"

# The classic exercise: 33 sites; one look after the other takes 23.3 s in all.
EXISTING = """envato.com amazon.co.uk amazon.com facebook.com google.com google.fr google.es google.co.uk internet.org
gmail.com stackoverflow.com github.com heroku.com djangoproject.com rubyonrails.org basecamp.com trello.com
yiiframework.com shopify.com airbnb.com instagram.com snapchat.com youtube.com baidu.com yahoo.com live.com linkedin.com
yandex.ru netflix.com wordpress.com bing.com""".split()
MISSING = ["really-cool-available-domain.com", "another-really-interesting-domain.co"]
NO_HEAD = {"live.com", "netflix.com", "bing.com"}
SERIAL_S = 23.3


def delays_s():
    """Ranks spread over the list, so that slow ones are not neighbours; they add up to SERIAL_S
    (a site that refuses HEAD takes its time to say so, and answers GET at once)."""
    n = len(EXISTING)
    ranks = [(i * 12) % n + 1 for i in range(n)]
    return {site: SERIAL_S * rank / sum(ranks) for site, rank in zip(EXISTING, ranks)}


class Measured:
    """One command, ended: wall and CPU seconds (its children's too), what it said."""

    def __init__(self, words, **options):
        began = time.monotonic()
        with tempfile.TemporaryFile() as out:
            child = subprocess.Popen([str(w) for w in words], stdout=out, stderr=subprocess.PIPE, **options)
            trouble = child.stderr.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.wall_s = time.monotonic() - began
            out.seek(0)
            self.out = out.read().decode()
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.peak_kib = usage.ru_maxrss
        self.code = child.returncode
        self.trouble = trouble.decode(errors="replace")

    def last_json(self):
        lines = [line for line in self.out.splitlines() if line.startswith("{")]
        if not lines:
            raise RuntimeError(f"no JSON in what it said (exit {self.code}): {self.out[-300:]}{self.trouble[-300:]}")
        return json.loads(lines[-1])


class SlowVillage:
    """The sites of the exercise that exist, each on an address of its own, all on one port."""

    def __init__(self, resolver):
        self.port = free_port()
        self.names = {}
        self.loop = Background()
        self.loop.do(self._start())
        for name, address in self.names.items():
            resolver.name(name, address)
        self.urls = [f"http://{name}:{self.port}/" for name in EXISTING + MISSING]

    async def _start(self):
        self.servers = []
        for i, (name, delay_s) in enumerate(delays_s().items()):
            address = f"127.33.0.{i + 1}"
            self.names[name] = address
            self.servers.append(await asyncio.start_server(self._answering(name, delay_s), address, self.port))

    @staticmethod
    def _answering(name, delay_s):
        async def answer(reader, writer):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                head_only = name in NO_HEAD
                refused = head_only and head.startswith(b"HEAD")
                if refused or not head_only:
                    await asyncio.sleep(delay_s)
                status = "405 Method Not Allowed" if refused else "200 OK"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
            except (asyncio.IncompleteReadError, OSError):
                pass
            finally:
                writer.close()
        return answer

    def close(self):
        self.loop.close()


NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off; server_tokens off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
{listens}
    {tls}
    location / {{ default_type text/plain; return 200 "well\\n"; }}
  }}
}}
"""


class FastNginx:
    """One nginx that answers 200 on many addresses: so that ports of one pair do not run out."""

    def __init__(self, addresses=64, leaf=None, net=44, resumes=False):
        self.folder = tempfile.TemporaryDirectory(prefix="vedette-bench-")
        self.port = free_port()
        self.addresses = [f"127.{net}.0.{i + 1}" for i in range(addresses)]
        ssl = " ssl" if leaf else ""
        sessions = "ssl_session_tickets on; ssl_session_timeout 1h;" if resumes else "ssl_session_tickets off;"
        tls = f"ssl_certificate {leaf.cert}; ssl_certificate_key {leaf.key}; ssl_session_cache off; {sessions}" \
            if leaf else ""
        listens = "\n".join(f"    listen {a}:{self.port}{ssl} backlog=4096;" for a in self.addresses)
        conf = Path(self.folder.name, "nginx.conf")
        conf.write_text(NGINX.format(folder=self.folder.name, listens=listens, tls=tls))
        self.process = Process("nginx", [program("nginx"), "-e", "stderr", "-p", self.folder.name, "-c", conf],
                               Path(self.folder.name, "log"))
        end = time.monotonic() + 10
        while not Path(self.folder.name, "pid").exists() and time.monotonic() < end:
            time.sleep(0.05)

    def close(self):
        self.process.stop()
        self.folder.cleanup()


class Crowd:
    """Sites that vedette-loadgen plays; `resolver` knows their names, `roots` their certificates."""

    def __init__(self, folder, sites, *options):
        self.folder = Path(folder)
        listed, config, self.roots = self.folder / "sites.yaml", self.folder / "vedette.yaml", self.folder / "root.pem"
        self.process = subprocess.Popen(
            [BIN / "vedette-loadgen", f"--sites={sites}", *options, f"--write={listed}", f"--write-config={config}",
             f"--ca-file={self.roots}", "--report=0s"], stdout=subprocess.DEVNULL)
        while not (self.roots.exists() and config.exists()):
            if self.process.poll() is not None:
                raise RuntimeError("vedette-loadgen does not start")
            time.sleep(0.1)
        self.resolver = re.search(r"resolver: *\"?([0-9.:]+)", config.read_text()).group(1)
        self.urls = re.findall(r"https?://[^\s\"',}]+", listed.read_text())

    def list(self, name, first=0, end=None):
        """A file of their URLs."""
        path = self.folder / f"{name}.txt"
        path.write_text("".join(f"{u}\n" for u in self.urls[first:end]))
        return path

    def close(self):
        self.process.terminate()
        self.process.wait(30)


PACKAGES = ["libcurl4", "libssl3", "libc-ares2", "libzmq5", "libuv1", "libsqlite3-0", "nginx", "wrk", "unbound",
            "python3-requests", "prometheus-blackbox-exporter"]


def said(words):
    """The first line of what a command says; "" when it is not there."""
    try:
        lines = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT).stdout.splitlines()
    except FileNotFoundError:
        return ""
    return lines[0] if lines else ""


def machine():
    model = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
             if line.startswith("model name")]
    versions = {p: said(["dpkg-query", "-W", "-f", "${Version}", p]) for p in PACKAGES}
    return {"cpu": model[0] if model else "?", "cores": os.cpu_count(), "kernel": platform.release(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "vedette": said([BIN / "vedette", "--version"]), "commit": said(["git", "rev-parse", "--short", "HEAD"]),
            "compiler": said(["gcc", "--version"]), "packages": {p: v for p, v in versions.items() if v},
            "date": time.strftime("%Y-%m-%d")}
