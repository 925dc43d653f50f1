"""A real DNS server for the tests' internet: unbound, answering from local data.

It knows the root's own NS records, which is how a worker tells an open
resolver from a closed one. Names are added while it runs. `Silent` is a
resolver that hears and never answers.
"""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .patience import until
from .process import Process, free_port, program

COMMON = """
server:
  interface: {address}
  port: {port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  verbosity: 1
  module-config: "iterator"
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  outgoing-range: 16
  num-queries-per-thread: 16
  rrset-roundrobin: no
  log-queries: yes
remote-control:
  control-enable: yes
  control-interface: "{folder}/control"
  control-use-cert: no
"""

# Everything that is not named does not exist, as in the real root zone.
OPEN = """
server:
  local-zone: "." static
  local-data: ". 3600 IN NS a.root-servers.net."
  local-data: ". 3600 IN NS b.root-servers.net."
  local-data: ". 60 IN SOA a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 30"
  local-data: "nodata.test. 60 IN TXT \\"a name without an address\\""
  local-zone: "hole.test." deny
  local-zone: "refused.test." refuse
  local-zone: "servfail.test." transparent
forward-zone:
  name: "servfail.test."
  forward-addr: 127.0.0.1@9
"""

# Denies everything, the root itself too: what closed networks often have.
CLOSED = """
server:
  local-zone: "." always_nxdomain
"""


class Resolver:
    """unbound on a port of its own, or on a host of its own (network.py). `address` is what --resolver takes."""

    def __init__(self, rules=OPEN, host=None):
        self.host = host
        self.folder = tempfile.TemporaryDirectory(prefix="vedette-dns-")
        self.names = {}
        for attempt in range(5):
            self.port = free_port(socket.SOCK_DGRAM)
            address = host.address if host else "127.0.0.1"
            self.address = f"{address}:{self.port}"
            self.conf = Path(self.folder.name, "unbound.conf")
            self.conf.write_text(COMMON.format(address=address, port=self.port, folder=self.folder.name) + rules)
            self.process = Process(
                "unbound", [*(host.inside if host else ()), program("unbound"), "-c", self.conf],
                Path(self.folder.name, f"log.{attempt}"),
            )
            if until(self._settled, 10, "unbound answers or gives up") == "answers":
                return
            self.process.popen.wait()  # the port was taken in between
        raise RuntimeError("unbound does not start:\n" + self.process.said())

    def _settled(self):
        if not self.process.alive():
            return "ended"
        if self.host:
            return "answers" if self._asked("status").returncode == 0 else ""
        return "answers" if ask(self.port, "settled.test", "A", timeout=0.2) is not None else ""

    def _asked(self, *words):
        return subprocess.run(
            [program("unbound-control"), "-c", self.conf, *words], capture_output=True, text=True, timeout=10
        )

    def _control(self, *words):
        r = self._asked(*words)
        assert r.returncode == 0, f"unbound-control {words}: {r.stdout}{r.stderr}"

    def name(self, name, *addresses, ttl=60):
        """This name has exactly these addresses from now on; none: it does not exist."""
        if name in self.names:
            self._control("local_data_remove", name)
        self.names[name] = addresses
        for a in addresses:
            self._control("local_data", name, str(ttl), "IN", "AAAA" if ":" in a else "A", a)

    def many(self, pairs, ttl=60):
        """Many (name, address) at once: one call to the server."""
        lines = "".join(f"{n} {ttl} IN {'AAAA' if ':' in a else 'A'} {a}\n" for n, a in pairs)
        for n, a in pairs:
            self.names[n] = (a,)
        r = subprocess.run(
            [program("unbound-control"), "-c", self.conf, "local_datas"],
            input=lines, capture_output=True, text=True, timeout=60,
        )
        assert r.returncode == 0, r.stdout + r.stderr

    def queries(self, name):
        """How often this name was asked for."""
        return self.process.said().count(f" {name.rstrip('.')}. ")

    def close(self):
        self.process.stop()
        self.folder.cleanup()


class Silent:
    """Hears queries and never answers; no ICMP error gives it away."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def close(self):
        self.udp.close()


def dead_address():
    """Of a resolver that is not there at all: the host says so at once."""
    return f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"


TYPES = {"A": 1, "NS": 2, "AAAA": 28}


def ask(port, name, kind, timeout=2.0):
    """(rcode, answers) of one query, as a stub resolver would ask; None: no answer."""
    labels = [p.encode() for p in name.rstrip(".").split(".") if p]
    question = b"".join(bytes([len(p)]) + p for p in labels) + b"\0"
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question + bytes([0, TYPES[kind], 0, 1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
        try:
            s.send(query)
            answer = s.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            time.sleep(0.02)
            return None
    return answer[3] & 15, int.from_bytes(answer[6:8], "big")
