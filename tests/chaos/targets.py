#!/usr/bin/python3
"""A thousand web sites in one process, and its access log.

    targets.py ADDRESS PORT LOG     commands come by standard input, one a line:
        503 17 18 19                sites 17 to 19 answer 503 from now on
        hang 20, close 20           never answers; closes without an answer
        well 17                     200 again
        over                        says so in the log, in which is then all that was before

A site is a path: /17 is site 17, whatever the address. Every request is in the log before it
is answered: "visit TIME SITE AGENT ANSWER". So is every change ("becomes TIME ANSWER SITES"), and every
time in which this process itself stood still ("stall FROM TO"), when all of its sites were away.
"""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.patience import until  # noqa: E402

PACE = 0.1  # seconds between two looks at the own clock
STALL = 0.4  # what is longer than that is told

ANSWERS = {"well": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nOK\n",
           "503": b"HTTP/1.1 503 As Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}


class Server:
    def __init__(self, log):
        self.log, self.how = log, {}

    def note(self, *words):
        self.log.write(" ".join(map(str, words)) + "\n")

    def visit(self, head):
        lines = head.split("\r\n")
        site = int(lines[0].split(" ")[1].strip("/") or 0)
        agent = next((x.partition(":")[2].strip() for x in lines if x.lower().startswith("user-agent:")), "")
        how = self.how.get(site, "well")
        self.note("visit", f"{time.time():.6f}", site, agent.replace(" ", "_") or "-", how)
        return how

    def told(self, line):
        how, *sites = line.split()
        if how == "over":
            self.note("over")
            self.log.flush()
            return
        for site in map(int, sites):
            self.how[site] = how
        self.note("becomes", f"{time.time():.6f}", how, *sites)
        self.log.flush()

    async def watch_the_clock(self):
        last = time.time()
        while True:
            await asyncio.sleep(PACE)
            now = time.time()
            if now - last > STALL:
                self.note("stall", f"{last:.6f}", f"{now:.6f}")
            last = now
            self.log.flush()


class Visitor(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.heard = server, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.heard += data
        if b"\r\n\r\n" not in self.heard:
            return
        how, self.heard = self.server.visit(self.heard.decode("latin-1")), b""
        if how in ANSWERS:
            self.transport.write(ANSWERS[how])
        if how != "hang":
            self.transport.close()


async def serve(address, port, path):
    loop = asyncio.get_running_loop()
    with open(path, "a", encoding="ascii", buffering=1 << 16) as log:
        server = Server(log)
        await loop.create_server(lambda: Visitor(server), address, int(port), backlog=4096)
        loop.add_reader(sys.stdin, lambda: server.told(line) if (line := sys.stdin.readline()) else loop.stop())
        server.note("ready")
        await server.watch_the_clock()


class Targets:
    """The same, as a child of ours."""

    def __init__(self, path, address, port, inside=()):
        self.path, self.address, self.port = path, address, port
        self.child = subprocess.Popen([*inside, "setpriv", "--pdeathsig", "KILL", "--", sys.executable, __file__, address,
                                       str(port), str(path)], stdin=subprocess.PIPE, text=True)

    def ready(self):
        return self.path.exists() and "ready" in self.path.read_text()

    def become(self, how, sites):
        self.child.stdin.write(f"{how} {' '.join(map(str, sites))}\n")
        self.child.stdin.flush()

    def lines(self):
        """The log up to now."""
        self.child.stdin.write("over\n")
        self.child.stdin.flush()
        read = self.path.read_text
        until(lambda: "\nover\n" in read(), 20, "the log is written")
        return read().splitlines()

    def close(self):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
