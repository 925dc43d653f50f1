"""What a site can do to whoever looks at it.

Each function returns a behaviour: a coroutine that is handed a Conversation
(misbehave.py). Those named for a broken protocol write the bytes themselves.
"""

import asyncio
import gzip
import zlib

# ── answers that are HTTP ────────────────────────────────────────────────────


def healthy(body=b"OK\n", headers=()):
    return status(200, headers, body)


def status(code, headers=(), body=b"what it says\n"):
    async def behave(c):
        if await c.request():
            await c.answer(code, headers, body)

    return behave


def head_refused(code, then=200, body=b"OK\n"):
    """HEAD gets `code`, anything else gets `then`."""

    async def behave(c):
        visit = await c.request()
        if visit:
            await c.answer(code if visit.method == "HEAD" else then, (), body)

    return behave


def head_breaks(how):
    """HEAD is treated as the behaviour `how` does, GET is well."""

    async def behave(c):
        reader = c.reader
        start = await reader.readexactly(4)
        reader._buffer[:0] = start  # put back: the behaviour reads the whole request itself
        await (how if start == b"HEAD" else healthy())(c)

    return behave


def patience(code=429, seconds=30):
    return status(code, (f"Retry-After: {seconds}",))


def waf(code=403):
    """What Cloudflare's filter answers to what it takes for a robot."""
    return status(code, ("Server: cloudflare", "cf-mitigated: challenge", "CF-RAY: 8f00ba4-FRA"))


def slow(seconds, code=200, body=b"OK\n"):
    """The first byte of the answer comes that much later."""

    async def behave(c):
        if await c.request():
            await asyncio.sleep(seconds)
            await c.answer(code, (), body)

    return behave


def interim(then=204):
    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            await c.answer(then)

    return behave


def redirect(location, code=302):
    """To a fixed place; `location` None leaves the header out."""
    return status(code, () if location is None else (f"Location: {location}",), b"")


def chain(length, code=302):
    """/ leads over `length` redirects to an answer that is well."""

    async def behave(c):
        visit = await c.request()
        if visit:
            n = int(visit.place.strip("/") or 0)
            if n < length:
                await c.answer(code, (f"Location: /{n + 1}",), b"")
            else:
                await c.answer(200)

    return behave


def circle():
    """/ leads to /a, /a to /b, /b to /a."""

    async def behave(c):
        visit = await c.request()
        if visit:
            await c.answer(302, (f"Location: {'/b' if visit.place == '/a' else '/a'}",), b"")

    return behave


def routes(table, otherwise=None):
    """By path: a behaviour for each. They may not read the request again."""

    async def behave(c):
        visit = await c.request()
        if visit:
            code, headers, body = table.get(visit.place, otherwise or (404, (), b"not here\n"))
            await c.answer(code, headers, body)

    return behave


# ── bodies ───────────────────────────────────────────────────────────────────


def chunked(parts, pause=0.0):
    """The parts as chunks of their own, each in its own segment."""

    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            for p in parts:
                await c.send(b"%x\r\n%s\r\n" % (len(p), p))
                await asyncio.sleep(pause)
            await c.send(b"0\r\n\r\n")

    return behave


def drip(body=b"a body that takes its time\n" * 100, every=0.2):
    """The head at once, the body byte by byte."""

    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
            for i in range(len(body)):
                await c.send(body[i : i + 1])
                await asyncio.sleep(every)

    return behave


def endless_body(piece=b"x" * 16384, pause=0.0):
    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
            while True:
                await c.send(piece)
                await asyncio.sleep(pause)

    return behave


def gzipped(body):
    return healthy(gzip.compress(body), ("Content-Encoding: gzip", "Content-Type: text/html"))


def gzip_bomb(megabytes=512):
    """A few hundred kilobytes that become `megabytes`."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [deflate.compress(bytes(1 << 20)) for _ in range(megabytes)] + [deflate.flush()]

    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n")
            for piece in pieces:
                await c.send(piece)

    return behave


def closes_in_body(promised=10000, sent=b"the beginning of something"):
    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % promised)
            await c.send(sent)

    return behave


# ── what is not HTTP ─────────────────────────────────────────────────────────


def raw(data, then_hang=False):
    """Read a request, write these bytes, close (or hold the line)."""

    async def behave(c):
        if await c.request():
            await c.send(data)
            if then_hang:
                await c.for_ever()

    return behave


def never_answers():
    return raw(b"", then_hang=True)


def closes_at_once():
    async def behave(c):
        return

    return behave


def closes_after_request():
    return raw(b"")


def resets(after_request=True):
    async def behave(c):
        if after_request and not await c.request():
            return
        c.reset()

    return behave


def half_header(then_hang=False):
    return raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/ht", then_hang)


def endless_headers(pause=0.0):
    """Header lines without end, each well-formed."""

    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\n")
            n = 0
            while True:
                n += 1
                await c.send(b"".join(b"X-Line-%d-%d: of a head without end\r\n" % (n, i) for i in range(50)))
                await asyncio.sleep(pause)

    return behave


def endless_header_line():
    async def behave(c):
        if await c.request():
            await c.send(b"HTTP/1.1 200 OK\r\nX-Line: ")
            while True:
                await c.send(b"x" * 4096)
                await asyncio.sleep(0)

    return behave


def banner(text=b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"):
    """Speaks first, as SSH and SMTP do."""

    async def behave(c):
        await c.send(text)
        await c.for_ever()

    return behave


def swallow():
    """Reads whatever comes and never says a word: what a TLS client meets on a dead port."""

    async def behave(c):
        await c.for_ever()

    return behave
