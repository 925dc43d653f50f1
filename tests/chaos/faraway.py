#!/usr/bin/python3
"""A long way: every TCP connection out of this host goes through here, is delayed and gets no more than so many
bytes a second. For machines whose kernel has no `tc netem`.

    faraway.py PORT MARK           as told by standard input, one line each: DELAY_S BYTES_PER_S (0: any number)

The host's rule sends connections to PORT (iptables REDIRECT); where one wanted to go, the kernel knows. Our own
bear MARK, by which the rule passes them over.
"""

import asyncio
import contextlib
import socket
import struct
import sys

SO_ORIGINAL_DST, SO_MARK = 80, 36
CHUNK = 4096


class Way:
    delay_s, bytes_per_s = 0.0, 0.0


async def carry(reader, writer, way):
    """One direction: what is read now is written later, in the same order."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue(64)

    async def write():
        while (item := await queue.get()) is not None:
            due, data = item
            await asyncio.sleep(max(0.0, due - loop.time()))
            if way.bytes_per_s:
                await asyncio.sleep(len(data) / way.bytes_per_s)
            writer.write(data)
            await writer.drain()

    task = asyncio.create_task(write())
    with contextlib.suppress(ConnectionError, OSError):
        while data := await reader.read(CHUNK):
            await queue.put((loop.time() + way.delay_s, data))
    await queue.put(None)
    with contextlib.suppress(ConnectionError, OSError):
        await task
    writer.close()


def wanted(sock):
    """Where this connection was going to."""
    raw = sock.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    return socket.inet_ntoa(raw[4:8]), struct.unpack(">H", raw[2:4])[0]


async def through(reader, writer, way, mark):
    there = socket.socket()
    there.setblocking(False)
    there.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    try:
        await asyncio.get_running_loop().sock_connect(there, wanted(writer.get_extra_info("socket")))
        far_reader, far_writer = await asyncio.open_connection(sock=there)
    except OSError:
        there.close()
        writer.transport.abort()
        return
    await asyncio.gather(carry(reader, far_writer, way), carry(far_reader, writer, way))


async def main(port, mark):
    way, loop = Way(), asyncio.get_running_loop()
    await asyncio.start_server(lambda r, w: through(r, w, way, int(mark)), "0.0.0.0", int(port))

    def told():
        line = sys.stdin.readline()
        if not line:
            loop.stop()
            return
        way.delay_s, way.bytes_per_s = map(float, line.split())

    loop.add_reader(sys.stdin, told)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
