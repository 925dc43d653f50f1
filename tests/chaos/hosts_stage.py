"""The cluster of hosts: a coordinator and a collector on each of two control hosts, PostgreSQL, four workers in two
locations (one behind a router, one far away), mail and the sites, each on a host of its own."""

import contextlib
import subprocess
import sys
from pathlib import Path

from harness import network, postgres
from harness.hosts import ALL, CONTROL, PAIR, TOWN, WORKERS, HostCluster, Land, place_of
from harness.mail import Mail
from harness.patience import until
from harness.process import program
from stage import SETTINGS, Stage, StallMeter
from targets import Targets

FAR, PORT, MARK = "us2", 9999, 7
GUESTS = {f"guest{n}": host for n, host in enumerate(("eu1", "us1", "eu1", "us1", "eu1", "us1"), 1)}
FAR_PROGRAM = Path(__file__).with_name("faraway.py")


class Link:
    """How a host's own cable is made bad: by the kernel where it can, else by means of our own."""

    def __init__(self, host):
        self.host = host
        self.netem = subprocess.run([*host.inside, program("tc"), "qdisc", "add", "dev", "eth0", "root", "netem", "delay",
                                     "0ms"], capture_output=True, check=False).returncode == 0
        self.proxy = None if self.netem else self._proxy()

    def _proxy(self):
        self.host.run("iptables", "-w", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", "10.1.0.0/16", "-m", "mark", "!",
                      "--mark", MARK, "-j", "REDIRECT", "--to-ports", PORT)
        p = subprocess.Popen([*self.host.inside, "setpriv", "--pdeathsig", "KILL", "--", sys.executable, FAR_PROGRAM,
                              str(PORT), str(MARK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline().strip() == "ready"
        return p

    def becomes(self, delay_s, bytes_per_s):
        if self.netem:
            rate = ("rate", f"{int(8 * bytes_per_s)}bit") if bytes_per_s else ()
            self.host.run("tc", "qdisc", "change", "dev", "eth0", "root", "netem", "delay", f"{int(1000 * delay_s)}ms", *rate)
        else:
            self.proxy.stdin.write(f"{delay_s} {bytes_per_s}\n")
            self.proxy.stdin.flush()

    def close(self):
        if self.proxy:
            self.proxy.kill()
            self.proxy.wait()
            self.proxy.stdin.close()
            self.proxy.stdout.close()


class Hosts(Stage):
    everybody = tuple(f"{part}-{host}" for host in CONTROL for part in PAIR) + tuple(ALL)
    guest_names = tuple(GUESTS)
    cast = {"worker": tuple(ALL), "coordinator": tuple(f"coordinator-{h}" for h in CONTROL),
            "collector": tuple(f"collector-{h}" for h in CONTROL), "anybody": everybody,
            "worker-host": ("eu1", "us1", "us2", "nat"), "control-host": CONTROL, "lone": ("eu1", "us1", "us2"),
            "db": ("db",), "service": ("service",), "town": ("town",)}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.meter = StallMeter()
            stack.callback(self.meter.close)
            self.land = Land()
            stack.callback(self.land.close)
            self.mail = Mail(host=self.land["service"].address, background=self.land.in_service)
            stack.callback(self.mail.close)
            self._cluster(stack)
            self.link = Link(self.land[FAR])
            stack.callback(self.link.close)
            self.targets = Targets(self.cluster.folder / "access.log", "0.0.0.0", 80, self.land["town"].inside)
            stack.callback(self.targets.close)
            until(self.targets.ready, 20, "the targets are there")
            stack.callback(self.stop)
            self._ends = stack.pop_all()
        return self

    def _cluster(self, stack):
        self.cluster = stack.enter_context(HostCluster(self.land, self.mail))
        c = self.cluster
        c.pairs = True
        c.settings.update({**SETTINGS, "operator.notify": ""})
        c.make_key()
        self.apply()
        for name in ALL:
            c.token_of(name)
        for name, host in GUESTS.items():
            c.token_of(name, place_of(host))

    @staticmethod
    def impossible():
        return network.impossible()

    def url(self, number):
        """Many sites at each address: the kernel knows no more than 1,024 neighbours, of all hosts of all tests together."""
        return f"http://10.{TOWN}.1.{number % 40 + 1}/{number}"

    def locations(self, number):
        """Half of the sites from both, the others from one of them."""
        return (("eu", "us"), ("eu",), ("eu", "us"), ("us",))[number % 4]

    def begin(self, name):
        c = self.cluster
        if name in self.everybody[:4]:
            part, host = name.split("-")
            return c.begin(part, host, wait=False, env=self.faked(name))
        return c.begin_worker(GUESTS.get(name, name), [f"worker.user_agent=from-{name}"], name=name, wait=False,
                              env=self.faked(name))

    def concerned(self, blow):
        """A worker's trouble is its location's."""
        if blow.fault == "far-worker":
            return (place_of(FAR),)
        own = {place_of({"nat": "eu2"}.get(w, w)) for w in blow.whom} & set(WORKERS)
        return tuple(own)

    def control(self):
        return [n for n in self.everybody if n.split("-")[0] in PAIR]

    def done(self):
        self.cluster.daemon.clear()  # they were the minder's
        self.land.net.mend()

    def ask(self, sql):
        return postgres.ask(self.cluster.ledger.url, sql)


