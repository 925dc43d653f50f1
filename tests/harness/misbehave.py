"""Servers that behave as told, and can be told otherwise while they run.

A `Site` is one listening socket on an address of its own inside 127.0.0.0/8,
all sites of a `Village` on one port. What it does is a behaviour: a coroutine
that is handed the conversation (behaviours.py has the collection).

    village.site("shop", behaviours.healthy())
    shop.becomes(behaviours.status(503));  shop.off();  shop.on()
    shop.visits                             # who asked for what, and when

Every request is in `visits` before it is answered.
"""

import asyncio
import contextlib
import itertools
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

from .aloop import Background
from .patience import until
from .process import free_port


@dataclass
class Visit:
    """One request that arrived: or, with method '', one connection without one."""

    at: float  # time.time()
    method: str
    path: str
    headers: dict = field(repr=False)
    body: bytes = b""
    resumed: bool = False  # the TLS session of an earlier connection

    @property
    def agent(self):
        return self.headers.get("user-agent", "")

    @property
    def place(self):
        """The path without the query, which tests add to tell URLs apart."""
        return self.path.partition("?")[0]


class Conversation:
    """One connection, as a behaviour sees it."""

    def __init__(self, site, reader, writer):
        self.site, self.reader, self.writer = site, reader, writer
        self.visit = None

    async def request(self):
        """Read one request and remember it; None when the peer left before."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            headers = {k.strip().lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:] if x)}
            body = b""
            if headers.get("transfer-encoding", "").lower() == "chunked":
                body = await self._chunks()
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            return None
        tls = self.writer.get_extra_info("ssl_object")
        self.visit = Visit(time.time(), method, path, headers, body, bool(tls and tls.session_reused))
        self.site.visits.append(self.visit)
        return self.visit

    async def _chunks(self):
        body = b""
        while True:
            size = int((await self.reader.readline()).strip() or b"0", 16)
            part = await self.reader.readexactly(size + 2)
            if not size:
                return body
            body += part[:-2]

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, code=200, headers=(), body=b"OK\n", reason="As Told"):
        """One whole answer, then the connection is to be closed."""
        head = [f"HTTP/1.1 {code} {reason}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        if code < 200 or code in (204, 304) or (self.visit and self.visit.method == "HEAD"):
            body = b""
        await self.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def reset(self):
        """End the connection with an RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def for_ever(self):
        """Hold the line until the peer leaves."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


class Site:
    def __init__(self, village, name, host, address, port, behaviour, tls=None):
        self.village, self.name, self.host, self.address, self.port = village, name, host, address, port
        self.behaviour, self.tls = behaviour, tls
        self.visits = []
        self.connections = 0
        self._server = None
        self._open = set()

    def url(self, path="/", scheme=None):
        return f"{scheme or ('https' if self.tls else 'http')}://{self.host}:{self.port}{path}"

    def becomes(self, behaviour):
        """From the next connection on."""
        self.behaviour = behaviour
        return self

    def off(self):
        """Nobody listens any more; connections that are open are reset."""
        self.village.background.do(self._close())

    def on(self):
        self.village.background.do(self._listen())

    def visited(self, method=None, since=0.0):
        return [v for v in list(self.visits) if v.at >= since and method in (None, v.method)]

    def wait_visits(self, n, within=10, since=0.0, method=None):
        return until(
            lambda: len(self.visited(method, since)) >= n and self.visited(method, since),
            within,
            lambda: f"{self.name} was asked {n} times ({len(self.visited(method, since))} so far)",
        )

    async def _listen(self):
        if not self._server:
            self._server = await asyncio.start_server(
                self._serve, self.address, self.port, backlog=4096, ssl=self.tls, limit=1 << 20
            )

    async def _close(self):
        server, self._server = self._server, None
        if server:
            server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._open.add(writer)
        try:
            await self.behaviour(Conversation(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, ssl.SSLError):
            pass
        finally:
            self._open.discard(writer)
            with contextlib.suppress(Exception):
                writer.close()


class BlackHole:
    """A port that does not even answer SYN: a listener whose queue is full.

    Linux drops further SYNs of a listener with a full accept queue, so nothing
    but a socket is needed, and no privilege.
    """

    def __init__(self, address):
        self.socket = socket.socket()
        self.socket.bind((address, 0))
        self.socket.listen(0)
        self.address, self.port = self.socket.getsockname()
        self.fill = []
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex((self.address, self.port))
            self.fill.append(c)

    def close(self):
        for s in [*self.fill, self.socket]:
            s.close()


class Village:
    """Sites on addresses of their own, one port for all, names in the DNS server if one is given."""

    _nets = itertools.count(1)  # villages of one run do not share addresses

    def __init__(self, resolver=None, background=None):
        self.resolver = resolver
        self.background = background or Background()
        self._own_background = background is None
        self.net = next(self._nets)
        self._hosts = itertools.count(1)
        self.port = free_port()
        self.sites = {}
        self.holes = []

    def address(self):
        n = next(self._hosts)
        assert n < 60000
        return f"127.{1 + self.net % 200}.{n // 250}.{n % 250 + 1}"

    def site(self, name, behaviour, host=None, address=None, tls=None, port=None, listen=True):
        """A site that listens now. Its host is <name>.test, or the address when there is no DNS server."""
        address = address or self.address()
        if host is None:
            host = f"{name}.test" if self.resolver else address
        site = Site(self, name, host, address, port or self.port, behaviour, tls)
        if listen:
            site.on()
        if self.resolver and host != address:
            self.resolver.name(host, address)
        self.sites[name] = site
        return site

    def hole(self, name):
        """The URL of a black hole."""
        hole = BlackHole(self.address())
        self.holes.append(hole)
        host = hole.address
        if self.resolver:
            host = f"{name}.test"
            self.resolver.name(host, hole.address)
        return f"http://{host}:{hole.port}/"

    def close(self):
        for s in self.sites.values():
            s.off()
        for h in self.holes:
            h.close()
        if self._own_background:
            self.background.close()
