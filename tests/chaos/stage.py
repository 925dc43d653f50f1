"""A run: the sites, the daemons under a minder, the script and the faults, and what is known afterwards.

`Stage` is what both forms share; `OneMachine` here, `Hosts` in hosts_stage.py.
"""

import contextlib
import ctypes
import itertools
import os
import subprocess
import threading
import time

from evidence import US, Evidence, Failing, Incident, Letter, Line, Notice, Trouble, Visit
from harness.archipelago import faketime
from harness.cluster import Cluster
from harness.ledger import CAUSE, ENDING, NOTICE_KIND, NOTICE_STATE, VERDICT, Ledger
from harness.mail import Mail
from harness.patience import until
from harness.process import Process, free_port, program
from harness.programs import BIN, environment
from minder import Minder
from targets import Targets

CLONE_NEWNS = 0x00020000
TICK = 0.05
CLOCKS = ("clock-worker", "clock-coordinator", "clock-collector")
STALL_S = 0.6  # a thread of ours that sleeps for a tenth of a second and is away for so long: the machine was

TAKEN_S, DEAD_S, GRACE_S = 1, 3, 2
# The proportions of the defaults, with sites that are looked at every few seconds.
SETTINGS = {
    "log.level": "info",
    "notify.retry_first": "500ms",
    "notify.retry_most": "3s",
    "mail.timeout": "5s",
    "worker.doubt": "2s",
    "collector.feed_results": "false",
    "coordinator.taken_within": f"{TAKEN_S}s",
    "coordinator.suspect_after": "1500ms",
    "coordinator.dead_after": f"{DEAD_S}s",
    "coordinator.grace": f"{GRACE_S}s",
    "standby.lease": "3s",
    "polite.wait": "1s",
}


class StallMeter(threading.Thread):
    """Knows when this whole machine, or we alone, stood still."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stalls, self._over = [], threading.Event()
        self.start()

    def run(self):
        last = time.time()
        while not self._over.wait(0.1):
            now = time.time()
            if now - last > STALL_S:
                self.stalls.append((last, now))
            last = now

    def close(self):
        self._over.set()
        self.join()


class Counter(threading.Thread):
    """How often jobs were given out again; a coordinator counts from its own beginning."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.again, self._over = ask, [], threading.Event()
        self.start()

    def run(self):
        known = {}
        while not self._over.wait(1):
            with contextlib.suppress(Exception):  # the store may be what is away
                for epoch, again in self.ask("SELECT epoch, again FROM vitals"):
                    if again > known.get(epoch, 0):
                        self.again.append((time.time(), again - known.get(epoch, 0)))
                    known[epoch] = again

    def close(self):
        self._over.set()
        self.join(5)


class Stage:
    def __init__(self, plan, table):
        self.plan, self.scale = plan, plan.scale
        self.table = {f.name: f for f in table}
        self.minder = Minder(self.begin)
        self.troubles = []
        self._extra = 0

    def __exit__(self, *how):
        self._ends.close()

    # ── what a form says ──

    guest_names = tuple(f"guest{n}" for n in range(1, 7))
    everybody = ()  # the names of all processes, in the order in which they are begun

    def begin(self, name):
        raise NotImplementedError

    # ── before ──

    def url(self, number):
        return f"http://{self.targets.address}:{self.targets.port}/{number}"

    def ask(self, sql):
        """Rows of the store, or whatever it complains of."""
        return self.cluster.ledger.query(sql)

    def locations(self, _number):
        return ("local",)

    def site(self, number):
        s = self.scale
        entry = {"name": f"s{number}", "url": self.url(number), "owner": "us", "method": "GET",
                 "every": f"{round(s.every_s * 1000)}ms", "timeout": f"{round(s.timeout_s * 1000)}ms",
                 "confirm": {"looks": s.looks, "within": f"{round(s.within_s * 1000)}ms"}}
        places = self.locations(number)
        return entry if places == ("local",) else {**entry, "locations": list(places)}

    def apply(self, extra=()):
        numbers = [*range(1, self.scale.sites + 1), *extra]
        self.cluster.apply(owners=[{"name": "us", "notify": ["mailto:us@watch.test"]}],
                           sites=[self.site(n) for n in numbers], options=("--prune",) if self._extra else ())

    def all_up(self):
        """Whether every site was seen up from each of its places."""
        (seen,) = self.cluster.ledger.query(
            "SELECT count(*) FROM (SELECT DISTINCT site_id, location_id FROM look WHERE verdict = 0 AND look = 0) t") or [(0,)]
        return seen[0] >= sum(len(self.locations(n)) for n in range(1, self.scale.sites + 1))

    def warm_up(self, within=120):
        for name in self.everybody:
            self.minder.add(name)
        self.counter = Counter(self.ask)
        end = time.time() + within
        while not self.all_up():
            assert time.time() < end, f"not all sites were seen up within {within} s"
            self.minder.tick()
            time.sleep(0.2)
        self.t0 = time.time()

    # ── what faults use ──

    def faked(self, name):
        """Environment of a process whose clock will be stepped some time."""
        if name not in {w for f in CLOCKS for w in self.plan.whom(f)}:
            return {}
        if not self.clock(name).exists():
            self.step_clock(name, 0)
        return {"LD_PRELOAD": faketime(), "FAKETIME_TIMESTAMP_FILE": self.clock(name), "FAKETIME_CACHE_DURATION": 1,
                "FAKETIME_DONT_FAKE_MONOTONIC": 1}

    def clock(self, name):
        return self.cluster.folder / f"{name}.clock"

    def step_clock(self, name, seconds):
        draft = self.clock(name).with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self.clock(name))

    def at(self, seconds):
        """A question that is true from then on."""
        end = time.time() + seconds
        return lambda: time.time() >= end

    def wait(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            yield

    def wait_again(self, name):
        """Until another process of that name runs."""
        pid, end = self.minder.life[name].pid if name in self.minder.life else 0, time.time() + 40
        while time.time() < end and (not self.minder.runs(name) or self.minder.life[name].pid == pid):
            yield

    def mail_let_go(self):
        """Sessions that it has left hanging."""
        self.mail.away()
        self.mail.back()

    def aside(self, work):
        """Something that may take its time, while everything else goes on. Whether it succeeded."""
        outcome = []

        def do():
            with contextlib.suppress(AssertionError, OSError, RuntimeError, subprocess.SubprocessError):
                work()
                outcome.append(True)

        thread = threading.Thread(target=do, daemon=True)
        thread.start()
        while thread.is_alive():
            yield
        return bool(outcome)

    def apply_again(self):
        """The store may be away: then whoever wanted that is told so, and that is all."""
        self._extra += 1
        number = 100_000 + self._extra
        yield from self.aside(lambda: self.apply(extra=[number]))
        yield from self.wait(1)
        yield from self.aside(self.apply)

    def guests(self, seconds):
        end, names, turn = time.time() + seconds, [], itertools.cycle(self.guest_names)
        while time.time() < end:
            name = next(turn)
            if name not in self.minder.process:
                names.append(name)
                self.minder.add(name)
            yield from self.wait(1.5)
            if len(names) > 2:
                self.minder.ask_to_end(names.pop(0), again=False)
        for name in names:
            self.minder.ask_to_end(name, again=False)
            yield from self.wait(0.3)

    # ── the run ──

    def strike(self, blow):
        """One fault, from its beginning to when it is over."""
        fault = self.table[blow.fault]
        trouble = Trouble(str(blow), time.time(), float("inf"), **{e: True for e in fault.excuses})
        # What was on its way to a worker that left goes out again, when the next slot of a quick site has come already.
        trouble.loses = trouble.loses or blow.fault == "guests" and self.scale.every_s <= TAKEN_S
        trouble.stepped = blow.amount if blow.fault in CLOCKS else 0
        trouble.places = self.concerned(blow)
        self.troubles.append(trouble)
        try:
            yield from fault.does(self, blow)
        finally:
            trouble.ended = time.time()

    def concerned(self, _blow):
        """The locations that a fault of these people can lose looks of; (): all."""
        return ()

    def play(self):
        """The whole plan, until the last fault is over."""
        blows, acts = sorted(self.plan.blows, key=lambda b: -b.at), sorted(self._acts(), key=lambda a: -a[0])
        running = []
        try:
            while blows or acts or running:
                now = time.time() - self.t0
                while acts and acts[-1][0] <= now:
                    self.targets.become(*acts.pop()[1:])
                while blows and blows[-1].at <= now:
                    running.append(self.strike(blows.pop()))
                running = [g for g in running if next(g, self) is not self]
                self.turn()
        finally:
            for g in running:
                g.close()
        self.healed = time.time()

    def _acts(self):
        """What the sites do, together where it is at the same moment."""
        acts = {}
        for o in self.plan.outages:
            acts.setdefault((o.at, o.how), []).append(o.site)
            acts.setdefault((o.until, "well"), []).append(o.site)
        return [(at, how, sites) for (at, how), sites in acts.items()]

    def turn(self):
        self.minder.tick()
        time.sleep(TICK)

    def settle(self):
        """Until nothing is left to be told or to be ended, and the ledger has no hole; at most settle_s."""
        end = time.time() + self.scale.settle_s
        least = time.time() + 2 * self.scale.every_s + self.scale.timeout_s + 2
        while time.time() < end and (time.time() < least or self._unsettled()):
            for _ in range(20):
                self.turn()

    def _unsettled(self):
        ledger = self.cluster.ledger
        (open_,) = ledger.query("SELECT count(*) FROM incident WHERE ending = 0") or [(1,)]
        (pending,) = ledger.query("SELECT count(*) FROM notice WHERE state = 0") or [(1,)]
        return open_[0] or pending[0] or self._holes()

    def _holes(self):
        """Whether slots of the past have no line yet: by counting."""
        from audit import each_slot_once  # pure, and asked of what there is

        return each_slot_once(self.evidence(quick=True))

    # ── afterwards ──

    def control(self):
        return ["coordinator", "collector"]

    def stop(self):
        """Workers first, so that their last results are kept."""
        if not hasattr(self, "ended"):
            self.asked = time.time()
            self.counter.close()
            self.minder.stop([*(n for n in list(self.minder.process) if n not in self.control()), *self.control()])
            self.ended = time.time()
            self.done()

    def done(self):
        pass

    def evidence(self, quick=False):
        ids = dict(self.cluster.ledger.query("SELECT id, name FROM site"))
        number = {i: int(n[1:]) for i, n in ids.items() if int(n[1:]) < 100_000}
        s, now = self.scale, time.time()
        ev = Evidence(
            every=s.every_s, timeout=s.timeout_s, within=s.within_s, looks=s.looks, confirm=s.confirm_s,
            before=s.every_s + s.timeout_s + 0.5, after=s.every_s + GRACE_S + 1, began=self.t0,
            healed=getattr(self, "healed", now), asked=getattr(self, "asked", now), ended=getattr(self, "ended", now),
            places={n: self.locations(n) for n in range(1, s.sites + 1)}, lines=self._lines(number), incidents=[], notices=[],
            letters=[], visits=[], failing=[], troubles=self.troubles, lives=self.minder.lives, stalls=[],
            again=self.counter.again)
        self._misdated(ev)
        if not quick:
            self._told(ev, number)
            self._log(ev)
        return ev

    @staticmethod
    def _misdated(ev):
        """A wrong clock is put right by two others, to between the slot and the result's arrival; and that is as late as
        whatever else goes on makes it. Of two that are wrong at once, the one that is less so may be believed."""
        for t in ev.troubles:
            others = [o for o in ev.troubles if t.stepped and o is not t and o.began - ev.before <= t.ended and
                      o.ended + ev.after >= t.began]
            late = ev.every + ev.timeout + max((o.ended - o.began for o in others if o.loses), default=0)
            t.misdates = min(abs(t.stepped), max([late, *(abs(o.stepped) for o in others)]))

    def _lines(self, number):
        rows = self.cluster.ledger.query(
            """SELECT site_id, p.text, slot_us, look, span, verdict, cause, coalesce(w.text, ''), late_us, took_us
               FROM look JOIN word p ON p.id = location_id LEFT JOIN word w ON w.id = worker_id""")
        return [Line(number[i], p, slot, look, span, VERDICT[v], CAUSE[c], w, (slot + late) / US, took / US)
                for i, p, slot, look, span, v, c, w, late, took in rows if i in number]

    def _told(self, ev, number):
        query = self.cluster.ledger.query
        ev.incidents = [Incident(i, number[s], b / US, e / US, ENDING[x]) for i, s, b, e, x in query(
            "SELECT id, site_id, began_us, ended_us, ending FROM incident ORDER BY id") if s in number]
        ev.notices = [Notice(n, i, NOTICE_KIND[k], NOTICE_STATE[s], key, c / US) for n, i, k, s, key, c in query(
            "SELECT id, incident_id, kind, state, key, created_us FROM notice ORDER BY id")]
        ev.letters = [Letter(m.at, self._key(m), m.subject) for m in self.mail.messages if "us@watch.test" in m.recipients]

    @staticmethod
    def _key(letter):
        return str(letter.message["Message-ID"]).strip("<>").partition("@")[0]

    def _log(self, ev):
        """The targets' own log."""
        short = {o.site: o.short for o in self.plan.outages}
        bad = {}
        for line in self.targets.lines():
            kind, *words = line.split(" ")
            if kind == "visit" and int(words[1]) < 100_000:
                ev.visits.append(Visit(float(words[0]), int(words[1]), words[2].removeprefix("from-"), words[3]))
            elif kind == "stall":
                ev.stalls.append((float(words[0]), float(words[1])))
            elif kind == "becomes":
                at, how, *sites = words
                for site in map(int, sites):
                    if how == "well":
                        began, how_it_was = bad.pop(site)
                        ev.failing.append(Failing(site, began, float(at), how_it_was, short[site]))
                    else:
                        bad[site] = (float(at), how)
        for a, b in [*ev.stalls, *self.meter.stalls]:
            ev.troubles.append(Trouble("the machine stood still", a, b, loses=True, repeats=True, copies=True))


class SmallDisk(Cluster):
    """Its store is on a disk of its own, which is no larger, if we may mount one: for this process and its children
    alone, so that nothing is left of it."""

    def __init__(self, megabytes=64, **how):
        super().__init__(**how)
        self.small = None
        if os.geteuid() != 0:
            return
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "no mounts of our own")
        self.small = self.folder / "small"
        self.small.mkdir()
        for words in (("--make-rprivate", "/"), ("-t", "tmpfs", "-o", f"size={megabytes}m", "none", self.small)):
            subprocess.run([program("mount"), *words], check=True)
        self.settings["store"] = self.store = f"sqlite:{self.small}/vedette.db"
        self.ledger = Ledger(self.small / "vedette.db")

    def __exit__(self, *how):
        if self.small:  # nobody of ours runs any more
            subprocess.run([program("umount"), "-l", self.small], check=False)
        super().__exit__(*how)


class OneMachine(Stage):
    """SQLite, one of each and three workers; as root on a machine of its own."""

    WORKERS = ("w1", "w2", "w3")
    everybody = ("coordinator", "collector", *WORKERS)
    cast = {"worker": WORKERS, "coordinator": ("coordinator",), "collector": ("collector",), "anybody": everybody}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.meter = StallMeter()
            stack.callback(self.meter.close)
            self.mail = Mail()
            stack.callback(self.mail.close)
            settings = {**SETTINGS, "mail.server": self.mail.url, "worker.resolver": "127.0.0.1:9"}
            self.cluster = stack.enter_context(SmallDisk(settings=settings))
            self.targets = Targets(self.cluster.folder / "access.log", "127.0.0.1", free_port())
            stack.callback(self.targets.close)
            until(self.targets.ready, 20, "the targets are there")
            self.apply()  # writes the settings, too: once, since daemons may read them at any time
            stack.callback(self.stop)
            self._ends = stack.pop_all()
        return self

    def begin(self, name):
        c, part = self.cluster, name if name in self.everybody[:2] else "worker"
        args = [BIN / f"vedette-{part}", "--config", c.config]
        if part == "worker":
            args += ["--set", f"worker.name={name}", "--set", f"worker.user_agent=from-{name}"]
        c._begun += 1
        return Process(name, args, c.folder / f"{name}.{c._begun}.log", env=environment(**self.faked(name)))

