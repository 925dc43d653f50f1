"""Two network namespaces of our own: the mainland, where sites are, and an island
with one worker on it, joined by one cable that can fail.

    with Archipelago() as a:
        a.on_island, a.on_mainland      words to put before a command (Cluster.begin's wrap)
        a.site(3)                       http://10.3.0.1:8080/, and a.name(3) http://s3.test:8080/
        a.resolver                      the island's name server, on the mainland; a.silence_resolver()
        a.pull(), a.plug()              the mainland's end of the cable
        a.lose_half()                   of the packets, in both directions
        a.shun_island()                 the sites answer 503 to it alone

Daemons reach each other by ipc:// all the while: file systems are not part of a
network namespace. Everything ends with the processes that hold it.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from .patience import until
from .process import Process, program

SITES = 8
PORT = 8080
SCRIPT = Path(__file__).with_name("islet.py")


def _try(*args):
    return subprocess.run(args, capture_output=True, check=False)


def impossible():
    """Why there can be no archipelago here; '' when there can be one."""
    for needed in ("unshare", "nsenter", "ip", "setpriv"):
        try:
            program(needed)
        except FileNotFoundError:
            return f"{needed} is not installed"
    made = _try(program("unshare"), "-rn", program("ip"), "link", "add", "va", "type", "veth", "peer", "name", "vb")
    return "" if made.returncode == 0 else "this machine lets nobody make a network of its own"


def can_lose():
    """How half of the packets can be lost: "netem", "tun", or '' for not at all."""
    netem = _try(program("unshare"), "-rn", "sh", "-c",
                 f"{program('ip')} link add va type veth peer name vb && "
                 f"{program('tc')} qdisc add dev va root netem loss 50%")
    if netem.returncode == 0:
        return "netem"
    tun = _try(program("unshare"), "-rn", program("ip"), "tuntap", "add", "dev", "t0", "mode", "tun")
    return "tun" if tun.returncode == 0 else ""


class Archipelago:
    def __init__(self, cable="veth"):
        self._folder = tempfile.TemporaryDirectory(prefix="vedette-isles-")
        self.folder = Path(self._folder.name)
        self.processes = []
        self.kind = cable
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for p in reversed(self.processes):
            p.kill()
        self.processes = []
        self._folder.cleanup()

    # ── building ──

    def _start(self, name, *args):
        """A process that says "ready" and stays."""
        out = self.folder / f"{name}.out"
        p = Process(name, args, self.folder / f"{name}.log", out=out)
        self.processes.append(p)
        until(lambda: "ready" in out.read_text() or not p.alive(), 10, f"{name} is ready")
        assert p.alive(), p.said()
        return p

    def _enter(self, holder):
        """Inside, ask again to be killed with us: taking on another user's rights has undone that."""
        return (program("nsenter"), "-U", "-n", "--preserve-credentials", "-t", str(holder.pid),
                program("setpriv"), "--pdeathsig", "KILL", "--")

    def _run(self, where, *args):
        done = _try(*where, *map(str, args))
        assert done.returncode == 0, f"{args}: {done.stderr.decode()}"

    def _ip(self, where, *args):
        self._run(where, program("ip"), *args)

    def _islet(self, name, where, *args):
        return self._start(name, *where, sys.executable, "-B", SCRIPT, *args)

    def _build(self):
        stay = ("sh", "-c", "echo ready; exec sleep infinity")
        mainland = self._start("mainland", program("unshare"), "-rn", *stay)
        self.on_mainland = self._enter(mainland)
        island = self._start("island", *self.on_mainland, program("unshare"), "-n", *stay)
        self.on_island = self._enter(island)
        self._lay_cable(island)
        for where in (self.on_mainland, self.on_island):
            self._ip(where, "link", "set", "lo", "up")
        for n in range(1, SITES + 1):
            self._ip(self.on_mainland, "addr", "add", f"10.{n}.0.1/32", "dev", "lo")
        self._ip(self.on_island, "route", "add", "default", "dev", self.ends[1])
        self.web = self._islet("web", self.on_mainland, "web", PORT)
        self.names = self._islet("names", self.on_mainland, "dns", "10.1.0.1")
        self._islet("other-names", self.on_mainland, "dns", "127.0.0.1")
        self.resolver, self.mainland_resolver = "10.1.0.1:53", "127.0.0.1:53"

    def _lay_cable(self, island):
        self.ends = ("shore", "beach")
        if self.kind == "tun":
            a, b = self.folder / "a.sock", self.folder / "b.sock"
            self.repeaters = [
                self._islet("cable-a", self.on_mainland, "cable", "shore", a, b),
                self._islet("cable-b", self.on_island, "cable", "beach", b, a),
            ]
        else:
            self._ip(self.on_mainland, "link", "add", "shore", "type", "veth", "peer", "name", "beach",
                     "netns", island.pid)
        for where, end, address, other in ((self.on_mainland, "shore", "10.99.0.1", "10.99.0.2"),
                                           (self.on_island, "beach", "10.99.0.2", "10.99.0.1")):
            self._ip(where, "addr", "add", address, "peer", other, "dev", end)
            self._ip(where, "link", "set", end, "up")

    # ── what there is ──

    def site(self, n):
        return f"http://10.{n}.0.1:{PORT}/"

    def name(self, n):
        return f"http://s{n}.test:{PORT}/"

    # ── trouble ──

    def silence_resolver(self):
        self.names.send(signal.SIGSTOP)

    def shun_island(self):
        """The sites answer 503 to whoever comes from there."""
        self.web.send(signal.SIGUSR1)

    def pull(self):
        self._ip(self.on_mainland, "link", "set", "shore", "down")

    def plug(self):
        self._ip(self.on_mainland, "link", "set", "shore", "up")

    def lose_half(self):
        if self.kind == "tun":
            for r in self.repeaters:
                os.kill(r.pid, signal.SIGUSR1)
            return
        for where, end in ((self.on_mainland, "shore"), (self.on_island, "beach")):
            self._run(where, program("tc"), "qdisc", "add", "dev", end, "root", "netem", "loss", "50%")


def faketime():
    """libfaketime, for a clock that is stepped; '' when it is not installed."""
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"):
        path = Path(folder) / "faketime/libfaketimeMT.so.1"
        if path.exists():
            return str(path)
    return ""


def prlimit(pid, soft):
    """Another process may open no descriptor with a number of `soft` or higher from now on."""
    subprocess.run([shutil.which("prlimit") or "prlimit", f"--pid={pid}", f"--nofile={soft}:"], check=True,
                   capture_output=True)
