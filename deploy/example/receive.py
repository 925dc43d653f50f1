#!/usr/bin/python3
"""Receives Vedette's webhooks, verifies who sent them, and prints a line for each.

    VEDETTE_SECRET='a long random text' ./receive.py 8080

The same text is webhook.secret of the collector, and an owner's channel names us:

    owners:
      - name: me
        notify: ["webhook:http://127.0.0.1:8080/"]
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

MOST_BYTES = 1 << 20


def genuine(secret, timestamp, signature, body, now, within=300):
    """Whether the body was signed with this secret, and lately."""
    signed = timestamp.encode() + b"." + body
    wanted = "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, signature) and abs(now - int(timestamp)) <= within


class Receiver(BaseHTTPRequestHandler):
    seen = set()  # a real one keeps the keys where they outlive it

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BYTES))
        stamp = self.headers.get("X-Vedette-Timestamp", "")
        signature = self.headers.get("X-Vedette-Signature", "")
        if not stamp.isdigit() or not genuine(self.server.secret, stamp, signature, body, time.time()):
            self.answer(403)
            return
        key = self.headers.get("Idempotency-Key", "")
        if key not in self.seen:  # an attempt whose answer was lost comes again
            self.seen.add(key)
            self.tell(json.loads(body))
        self.answer(204)

    def tell(self, notice):
        print(f"{notice['kind']}: {notice['site']['name']} ({notice['site']['url']}): {notice['words']}", flush=True)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Receiver)
    server.secret = os.environ["VEDETTE_SECRET"].encode()
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
