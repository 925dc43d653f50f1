#!/usr/bin/python3
"""A web site that writes down when each of its guests came and went.

    guestbook.py FILE ADDRESS PORT SECONDS     each is answered after SECONDS
    guestbook.py FILE ADDRESS PORT dead        no SYN is answered

A program of its own, so that it can stand in a network namespace together with
a worker, at an address that is not this host's loopback: see `alone_with`.
"""

import http.server
import signal
import socket
import sys
import threading
import time
from pathlib import Path


class Guestbook(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def serve(path, address, port, seconds):
    lock = threading.Lock()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            came = time.monotonic()
            time.sleep(seconds)
            with lock, open(path, "a") as book:
                book.write(f"{came} {time.monotonic()} {self.path}\n")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *words):
            pass

    Guestbook((address, port), Page).serve_forever()


def swallow(address, port):
    """A listener whose queue is full: Linux drops further SYNs."""
    listener = socket.create_server((address, port), backlog=0)
    queue = [socket.socket() for _ in range(4)]
    for s in queue:
        s.setblocking(False)
        s.connect_ex((address, port))
    signal.pause()
    listener.close()


def alone_with(path, address, port, seconds):
    """Words to put before a program: it runs in a network of its own, where this site is at that address."""
    inside = (f"ip link set lo up && ip addr add {address}/32 dev lo && "
              f"{{ setpriv --pdeathsig KILL {sys.executable} {__file__} {path} {address} {port} {seconds} & }} && "
              f"until ss -ltn | grep -q :{port}; do sleep 0.05; done && exec \"$@\"")  # fmt: skip
    return ["unshare", "-rn", "sh", "-c", inside, "sh"]


def read(path):
    """[(came, went, path)], in the order in which they came."""
    rows = [line.split() for line in Path(path).read_text().splitlines()]
    return sorted((float(came), float(went), place) for came, went, place in rows)


def most_at_once(guests):
    steps = sorted([(came, 1) for came, _, _ in guests] + [(went, -1) for _, went, _ in guests])
    at_once = most = 0
    for _, step in steps:
        at_once += step
        most = max(most, at_once)
    return most


def most_in_a_second(guests):
    times = [came for came, _, _ in guests]
    return max(sum(t <= other < t + 1 for other in times) for t in times)


if __name__ == "__main__":
    if sys.argv[4] == "dead":
        swallow(sys.argv[2], int(sys.argv[3]))
    else:
        serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
