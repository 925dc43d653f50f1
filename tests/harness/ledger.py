"""The facts in the store, read with the database's own means behind the programs' back.

What the commands print is tested where commands are tested; whether a look has
been lost is asked here, of the tables themselves.
"""

import json
import os
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from . import postgres

HEADERS = Path(__file__).resolve().parents[2] / "common"


def _enum(header, prefix, last):
    """{number: "name"} of an enum in a header, as its *_name function says it."""
    text = (HEADERS / header).read_text()
    names, n = {}, 0
    for name, value in re.findall(rf"^\s+{prefix}([A-Z0-9_]+)(?: = (\d+))?,", text, re.M):
        n = int(value) if value else n
        if name == last:
            break
        names[n] = name.lower()
        n += 1
    assert names, f"{header} has no {prefix}"
    return names


VERDICT = _enum("result.h", "VERDICT_", "COUNT")
CAUSE = _enum("result.h", "CAUSE_", "END")
HEALTH = _enum("health.h", "HEALTH_", "COUNT")
NOTICE_KIND = {0: "down", 1: "back", 2: "still_down", 3: "withdrawn", 4: "in_doubt", 5: "doubt_over"}
NOTICE_STATE = {0: "pending", 1: "sent", 2: "failed"}
ENDING = {0: "open", 1: "recovered", 2: "withdrawn"}


@dataclass
class Look:
    slot_us: int
    look: int
    verdict: str
    cause: str
    status: int
    span: int
    worker: str
    job_id: int


@dataclass
class Notice:
    id: int
    incident_id: int
    site: str
    kind: str
    channel: str
    state: str
    attempts: int
    key: str
    payload: str


class Ledger:
    def __init__(self, path):
        self.path = Path(path)

    def query(self, sql, *args):
        """Rows, or none while there is no store yet."""
        for attempt in range(20):
            try:
                with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as db:
                    return db.execute(sql, args).fetchall()
            except sqlite3.OperationalError as e:
                if "unable to open" in str(e) or "no such table" in str(e):
                    return []
                if attempt == 19:
                    raise
                time.sleep(0.05)
        return []

    def one(self, sql, *args):
        rows = self.query(sql, *args)
        return rows[0][0] if rows else None

    # ── sites ──

    def site_id(self, name):
        return self.one("SELECT id FROM site WHERE name = ? ORDER BY removed, id DESC LIMIT 1", name)

    def health(self, name):
        h = self.one("SELECT health FROM state WHERE site_id = ?", self.site_id(name))
        return "new" if h is None else HEALTH[h]

    def blips(self, name):
        return self.one("SELECT blips FROM state WHERE site_id = ?", self.site_id(name)) or 0

    # ── looks ──

    def looks(self, name, since_us=0, looks_0_only=False):
        rows = self.query(
            """SELECT slot_us, look, verdict, cause, status, span, coalesce(w.text, ''), job_id
               FROM look LEFT JOIN word w ON w.id = worker_id
               WHERE site_id = ? AND slot_us >= ? ORDER BY slot_us, look""",
            self.site_id(name), since_us,
        )
        found = [Look(s, k, VERDICT[v], CAUSE[c], st, n, w, j) for s, k, v, c, st, n, w, j in rows]
        return [x for x in found if x.look == 0] if looks_0_only else found

    def tail(self, name, n=8):
        return self.looks(name)[-n:]

    def count(self, name, verdict=None):
        return len([x for x in self.looks(name, looks_0_only=True) if verdict in (None, x.verdict)])

    def grid(self, name):
        """[(slot_us, verdict)] of every scheduled slot, missed spans spelt out."""
        every = 1000 * self.one("SELECT every_ms FROM site WHERE id = ?", self.site_id(name))
        return [
            (x.slot_us + i * every, x.verdict) for x in self.looks(name, looks_0_only=True) for i in range(x.span)
        ], every

    def gaps(self, name):
        """Holes in the grid between the first and the last line, and slots with two lines."""
        slots, every = self.grid(name)
        times = [s for s, _ in slots]
        wrong = []
        for a, b in zip(times, times[1:]):
            if b - a != every:
                wrong.append(f"from {a} to {b}: {(b - a) / every:g} intervals")
        return wrong

    # ── from several locations ──

    def seen_from(self, name, place, look=0):
        """Looks at it from that location, oldest first: the scheduled ones."""
        rows = self.query(
            """SELECT slot_us, look, verdict, cause, status, span, coalesce(w.text, ''), job_id
               FROM look JOIN word p ON p.id = location_id LEFT JOIN word w ON w.id = worker_id
               WHERE site_id = ? AND look = ? AND p.text = ? ORDER BY slot_us""",
            self.site_id(name), look, place,
        )
        return [Look(s, k, VERDICT[v], CAUSE[c], st, n, w, j) for s, k, v, c, st, n, w, j in rows]

    def holes(self, name, place):
        """Due slots of that location without a line, slots with two, and lines off the grid. (A new site's first look
        is off it.)"""
        every = 1000 * self.one("SELECT every_ms FROM site WHERE id = ?", self.site_id(name))
        slots = [x.slot_us + i * every for x in self.seen_from(name, place) for i in range(x.span)]
        if slots and (slots[-1] - slots[0]) % every:
            slots = slots[1:]
        return [(a, b) for a, b in zip(slots, slots[1:]) if b - a != every]

    # ── what came of it ──

    def incidents(self, name=None):
        """[(id, ending, cause, began_us, ended_us)], oldest first."""
        where = "" if name is None else "WHERE site_id = ?"
        args = () if name is None else (self.site_id(name),)
        return [
            (i, ENDING[e], CAUSE[c], b, t)
            for i, e, c, b, t in self.query(
                f"SELECT id, ending, cause, began_us, ended_us FROM incident {where} ORDER BY id", *args
            )
        ]

    def notices(self, name=None, kind=None):
        rows = self.query(
            """SELECT n.id, incident_id, coalesce(s.name, ''), kind, channel, state, attempts, key, payload
               FROM notice n LEFT JOIN site s ON s.id = n.site_id ORDER BY n.id"""
        )
        found = [Notice(i, inc, s, NOTICE_KIND[k], c, NOTICE_STATE[st], a, key, p) for i, inc, s, k, c, st, a, key, p in rows]
        return [n for n in found if name in (None, n.site) and kind in (None, n.kind)]

    def told(self, name, kind):
        """How many notices of that kind about that site were delivered."""
        return len([n for n in self.notices(name, kind) if n.state == "sent"])

    def evidence(self, incident_id):
        return self.one("SELECT count(*) FROM evidence WHERE incident_id = ?", incident_id) or 0

    def episodes(self):
        """[(worker, began_us, ended_us)] of the times that workers were in doubt, oldest first."""
        return self.query("SELECT worker, began_us, ended_us FROM episode ORDER BY id")

    def workers(self):
        """{(worker, lane): done}"""
        return {(w, lane): done for w, lane, done in self.query("SELECT worker, lane, done FROM worker")}

    def vitals(self):
        rows = self.query("SELECT epoch, scheduled, concluded, missed, again, in_flight, sites FROM vitals")
        names = ("epoch", "scheduled", "concluded", "missed", "again", "in_flight", "sites")
        return dict(zip(names, rows[0])) if rows else {}


class LedgerInside(Ledger):
    """The facts of a file in another mount namespace, into which the words `enter` lead."""

    ASK = "import json, sys; sys.path.insert(0, sys.argv[1]); from harness.ledger import Ledger; " \
          "print(json.dumps(Ledger(sys.argv[2]).query(*json.loads(sys.argv[3]))))"

    def __init__(self, path, enter):
        super().__init__(path)
        self.enter = enter

    def query(self, sql, *args):
        done = subprocess.run(
            [*self.enter, "/usr/bin/python3", "-c", self.ASK, str(HEADERS.parent / "tests"), str(self.path),
             json.dumps([sql, *args])],
            capture_output=True, text=True, check=False, timeout=60,
        )
        return [tuple(row) for row in json.loads(done.stdout)] if done.returncode == 0 else []


class PostgresLedger(Ledger):
    """The same at a server; while it is away, we wait for it."""

    def __init__(self, url):
        self.url = url

    def query(self, sql, *args):
        end = time.monotonic() + 30
        while True:
            try:
                return postgres.ask(self.url, sql, *args)
            except RuntimeError as e:
                if "does not exist" in str(e):
                    return []
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)


def fill(path):
    """Its disk, until there is not a byte left."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass
    assert os.path.getsize(path) > 0


def now_us():
    return int(time.time() * 1e6)
