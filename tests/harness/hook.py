"""Receives webhooks: keeps them, checks their signature, and can be slow or failing."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field

from . import behaviours
from .misbehave import Village
from .patience import until


@dataclass
class Delivery:
    at: float
    path: str
    headers: dict = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def key(self):
        return self.headers.get("idempotency-key", "")

    def signed_with(self, secret):
        """Whether X-Vedette-Signature is v1=hex(HMAC-SHA256(secret, timestamp "." body)), and fresh."""
        stamp = self.headers.get("x-vedette-timestamp", "")
        if not stamp.isdigit() or abs(int(stamp) - self.at) > 5:
            return False
        want = "v1=" + hmac.new(secret.encode(), stamp.encode() + b"." + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(want, self.headers.get("x-vedette-signature", ""))


class Hook:
    """`url` is what an owner's channel names behind "webhook:"."""

    def __init__(self, village=None, name="hook"):
        self._own = village is None
        self.village = village or Village()
        # By its number: the collector asks the system's resolver, which does not know our names.
        address = self.village.address()
        self.site = self.village.site(name, behaviours.status(204), host=address, address=address)
        self.url = self.site.url("/told")
        self.channel = "webhook:" + self.url

    def becomes(self, behaviour):
        self.site.becomes(behaviour)

    @property
    def deliveries(self):
        """Every attempt, also those that were refused."""
        return [Delivery(v.at, v.path, v.headers, v.body) for v in list(self.site.visits) if v.method == "POST"]

    def wait(self, n, within=10, kind=None):
        def those():
            return [d for d in self.deliveries if kind is None or d.json.get("kind") == kind]

        return until(
            lambda: len(those()) >= n and those(),
            within,
            lambda: f"{n} webhooks of kind {kind}; there are {[d.body[:80] for d in self.deliveries]}",
        )

    def close(self):
        if self._own:
            self.village.close()


