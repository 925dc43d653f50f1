"""Hosts on one wire: each a network namespace with a machine name, a mount table and
an address of its own, and nothing of it on the machine's own network.

    with Network() as net:
        eu1 = net.host("eu1", "10.2.0.1")
        nat = net.router("nat", "10.2.0.9")
        home = net.host("home", "192.168.7.2", behind=nat)     # outgoing connections only
        eu1.inside                     words to put before a command
        eu1.unplug();  eu1.plug()      its cable, and it notices
        eu1.cut()                      something in between fails: it notices nothing; eu1.plug() mends it
        eu1.ignores(home)              one way: what comes from there is lost on the way
        net.part([a, b], [c])          both ways, all of them;  net.mend() ends all trouble
        eu1.power_off()                the cable first, then kill -9 of all that runs there

A namespace is held by a process that dies with us, and there is no other name for it:
two runs cannot meet, and nothing is left even after kill -9 of the tests.
"""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

from .patience import until
from .process import Process, program

CLONE_NEWNET = 0x40000000
PREFIX = 8  # all hosts on the wire are neighbours: 10.0.0.0/8


def impossible():
    """Why there can be no such network here; '' when there can be one."""
    if os.geteuid() != 0:
        return "hosts in network namespaces need root"
    for needed in ("unshare", "nsenter", "ip", "bridge", "iptables"):
        try:
            program(needed)
        except FileNotFoundError:
            return f"{needed} is not installed (make deps)"
    ip, iptables = program("ip"), program("iptables")
    tried = subprocess.run(
        [program("unshare"), "-num", "sh", "-c",
         f"{ip} link add wire type bridge && {ip} link add va type veth peer name vb && "
         f"{iptables} -w -A INPUT -s 10.0.0.1 -j DROP && {iptables} -w -t nat -A POSTROUTING -o va -j MASQUERADE"],
        capture_output=True, text=True, check=False)
    return f"this machine makes no network of hosts: {tried.stderr.strip()[-200:]}" if tried.returncode else ""


class Namespace:
    """Held by a process of ours that sleeps in it."""

    def __init__(self, net, name):
        self.net, self.name = net, name
        self._said = net.folder / f"{name}.out"
        self.holder = Process(
            f"host {name}",
            [program("unshare"), "-num", "sh", "-c",
             'echo "$1" >/proc/sys/kernel/hostname && echo ready && exec sleep infinity', "sh", name],
            net.folder / f"{name}.log", out=self._said)
        net.namespaces.append(self)

    def _wait(self):
        until(lambda: "ready" in self._said.read_text() or not self.holder.alive(), 10, f"{self.name} is there")
        assert self.holder.alive(), self.holder.said()

    @property
    def inside(self):
        """Words to put before a program: it runs here, with the process id that it is given."""
        return (program("nsenter"), "-n", "-u", "-m", "-t", str(self.holder.pid), "--")

    def run(self, *args, stdin=None):
        """A system program here, to its end; what it said."""
        done = subprocess.run([*self.inside, program(args[0]), *map(str, args[1:])], input=stdin, text=True,
                              capture_output=True, check=False)
        assert done.returncode == 0, f"{self.name}: {args}: {done.stderr}{stdin or ''}"
        return done.stdout

    def ip(self, *lines):
        self.run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def enter(self):
        """The calling thread makes its sockets here from now on."""
        with open(f"/proc/{self.holder.pid}/ns/net", "rb") as ns:
            if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")

    def path(self, path):
        """A path in its mount table, for us."""
        return Path(f"/proc/{self.holder.pid}/root{path}")


class Host(Namespace):
    def __init__(self, net, name, address, behind=None):
        super().__init__(net, name)
        self.address, self.behind = address, behind
        self.processes = []
        self._well = True

    def _connect(self):
        self._wait()
        lines = ["link set lo up"]
        if self.behind:
            lines += [f"addr add {self.address}/24 dev eth0", "link set eth0 up",
                      f"route add default via {self.behind.inner}"]
            self.behind.take_in(self)
        else:
            lines += [f"addr add {self.address}/{PREFIX} dev eth0", "link set eth0 up"]
            self.net.lay_cable(self)
        self.ip(*lines)

    def owns(self, network):
        """All addresses of it are this host's as well."""
        self.ip(f"route add local {network} dev lo")

    # ── what runs here ──

    def start(self, name, args, log, **how):
        p = Process(name, [*self.inside, *args], log, **how)
        self.processes.append(p)
        return p

    def power_off(self):
        """Nobody is told: the cable is dead before the processes are."""
        self.cut()
        for p in self.processes:
            if p.alive():
                p.kill()

    # ── trouble ──

    @property
    def _wire(self):
        """Where its cable ends: a namespace and the name of the end."""
        return (self.behind or self.net.wire), self.name

    def unplug(self):
        where, end = self._wire
        self._well = False
        where.ip(f"link set dev {end} down")

    def cut(self):
        """What it sends is not carried on, nor what is sent to it; its cable looks well."""
        assert not self.behind, "cut the router"
        self._well = False
        self.net.wire.run("bridge", "link", "set", "dev", self.name, "state", "disabled")

    def plug(self):
        where, end = self._wire
        where.ip(f"link set dev {end} up")
        if not self.behind:
            where.run("bridge", "link", "set", "dev", end, "state", "forwarding")

    def ignores(self, *others):
        self._well = False
        for other in others:
            self.run("iptables", "-w", "-A", "INPUT", "-s", (other.behind or other).address, "-j", "DROP")

    def mend(self):
        if not self._well:
            self.run("iptables", "-w", "-F", "INPUT")
            self.plug()
            self._well = True


class Router(Host):
    """Lets connections out, under its own address, and none in."""

    inner = "192.168.7.1"

    def _connect(self):
        super()._connect()
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        for rule in ("-t nat -A POSTROUTING -o eth0 -j MASQUERADE",
                     "-P FORWARD DROP",
                     "-A FORWARD ! -i eth0 -o eth0 -j ACCEPT",
                     "-A FORWARD -i eth0 -m conntrack --ctstate ESTABLISHED -j ACCEPT"):
            self.run("iptables", "-w", *rule.split())

    def take_in(self, host):
        self.ip(f"link add name {host.name} type veth peer name eth0 netns {host.holder.pid}",
                f"addr add {self.inner}/24 dev {host.name}", f"link set dev {host.name} up")

    def restart(self):
        """It forgets the connections that it had let out (netfilter does when their interface goes down)."""
        self.ip("link set eth0 down")
        self.ip("link set eth0 up")


class Network:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="vedette-net-")
        self.folder = Path(self._folder.name)
        self.namespaces = []
        self.hosts = {}
        try:
            self.wire = Namespace(self, "wire")
            self.wire._wait()
            self.wire.ip("link add name bridge0 type bridge", "link set bridge0 up")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for host in self.hosts.values():
            for p in host.processes:
                if p.alive():
                    p.kill()
        for n in reversed(self.namespaces):
            n.holder.kill()
        self._folder.cleanup()

    def host(self, name, address, behind=None):
        return self._add(Host(self, name, address, behind))

    def router(self, name, address):
        return self._add(Router(self, name, address))

    def _add(self, host):
        assert len(host.name) < 16, "an interface is called so"
        self.hosts[host.name] = host
        host._connect()
        return host

    def lay_cable(self, host):
        self.wire.ip(f"link add name {host.name} type veth peer name eth0 netns {host.holder.pid}",
                     f"link set dev {host.name} master bridge0", f"link set dev {host.name} up")

    def part(self, some, others):
        for a in some:
            for b in others:
                a.ignores(b)
                b.ignores(a)

    def mend(self):
        for host in self.hosts.values():
            host.mend()
