"""One end of an archipelago (see archipelago.py), run inside its network namespace.

    islet.py dns ADDRESS             a name server: the root's NS records, and sN.test as 10.N.0.1
    islet.py web PORT                answers 200 to anything, on every address; /slow/ after half
                                     a second; after SIGUSR1 503 to the island, and to it alone
    islet.py cable NAME HERE THERE   a TUN device; packets go to the datagram socket THERE and come
                                     from HERE. SIGUSR1 loses half of them from then on, SIGUSR2 none.

Says "ready" on standard output and goes on until it is killed.
"""

import fcntl
import os
import random
import select
import signal
import socket
import socketserver
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def ready():
    print("ready", flush=True)


# ── names ──

NS, A = 2, 1


def question_of(query):
    """(labels, type, the question's bytes)"""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
    return labels, kind, query[12 : at + 5]


def record(kind, data):
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def answer_to(query):
    labels, kind, question = question_of(query)
    answers, code = [], 0
    if not labels and kind == NS:
        answers = [record(NS, b"\x01a\x0croot-servers\x03net\x00")]
    elif len(labels) == 2 and labels[1] == "test" and labels[0][:1] == "s" and labels[0][1:].isdigit():
        if kind == A:
            answers = [record(A, socket.inet_aton(f"10.{int(labels[0][1:])}.0.1"))]
    else:
        code = 3
    return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(answers), 0, 0) + question + b"".join(answers)


class Names(socketserver.BaseRequestHandler):
    def handle(self):
        query, sock = self.request
        sock.sendto(answer_to(query), self.client_address)


def dns(address):
    with socketserver.UDPServer((address, 53), Names) as server:
        ready()
        server.serve_forever()


# ── sites ──


REFUSED = set()  # addresses that are answered 503


class Fine(BaseHTTPRequestHandler):
    def do_GET(self):
        if "/slow/" in self.path:
            time.sleep(0.5)
        refused = self.client_address[0] in REFUSED
        body = b"" if self.command == "HEAD" else b"fine\n"
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", "5")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words):
        pass


class Web(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # whoever hangs up in the middle of a story


def web(port):
    signal.signal(signal.SIGUSR1, lambda *_: REFUSED.add("10.99.0.2"))
    server = Web(("0.0.0.0", int(port)), Fine)
    ready()
    server.serve_forever()


# ── a cable that loses ──

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def cable(name, here, there):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    link.bind(here)
    loss = [0.0]
    signal.signal(signal.SIGUSR1, lambda *_: loss.__setitem__(0, 0.5))
    signal.signal(signal.SIGUSR2, lambda *_: loss.__setitem__(0, 0.0))
    ready()
    while True:
        for fd in select.select([tun, link], [], [])[0]:
            packet = os.read(tun, 65536) if fd == tun else link.recv(65536)
            if fd == tun and random.random() < loss[0]:
                continue
            try:
                link.sendto(packet, there) if fd == tun else os.write(tun, packet)
            except OSError:
                pass  # nobody there yet, or a queue is full: packets get lost


if __name__ == "__main__":
    {"dns": dns, "web": web, "cable": cable}[sys.argv[1]](*sys.argv[2:])
