"""The table of faults: what each is called, whom it hits, for how long, what it excuses, and how it is done.

A fault is a generator: it does its harm, yields for as long as the harm is to last (the stage goes on
meanwhile), and makes it good in the end, also when the run is broken off:

    def stop(stage, blow):
        stage.minder.freeze(blow.whom[0])
        try:
            yield from stage.wait(blow.for_s)
        finally:
            stage.minder.thaw(blow.whom[0])
"""

import contextlib
import os
import signal
import sqlite3
from dataclasses import dataclass

from harness.archipelago import faketime
from harness.ledger import fill
from harness.process import children_of
from harness.programs import SANITIZED

ONE, MANY = "one", "many"  # the forms: one machine with SQLite; hosts with PostgreSQL
BOTH = (ONE, MANY)


@dataclass(frozen=True)
class Fault:
    name: str
    does: callable
    forms: tuple
    weight: float
    length: tuple  # from and to, in seconds
    whom: tuple  # roles, of each of which one is drawn
    excuses: tuple = ("loses", "repeats")  # of evidence.Trouble
    amounts: tuple = (0,)  # one of them is drawn
    possible: bool = True


# ── processes ────────────────────────────────────────────────────────────────


def kill(stage, blow):
    stage.minder.kill(blow.whom[0])
    yield from stage.wait_again(blow.whom[0])


def stop(stage, blow):
    stage.minder.freeze(blow.whom[0])
    try:
        yield from stage.wait(blow.for_s)
    finally:
        stage.minder.thaw(blow.whom[0])


def end_in_order(stage, blow):
    """SIGTERM, and the new version is started at once."""
    stage.minder.ask_to_end(blow.whom[0], again=True)
    yield from stage.wait_again(blow.whom[0])


def hang_up(stage, blow):
    stage.minder.signal(blow.whom[0], signal.SIGHUP)
    yield


def new_list(stage, _blow):
    """`vedette apply` of a list that says of one more site, and then not any more."""
    yield from stage.apply_again()


def rolling(stage, _blow):
    """Every process, one after the other, as an upgrade would."""
    for name in stage.everybody:
        if not stage.minder.runs(name):
            continue
        stage.minder.ask_to_end(name, again=True)
        yield from stage.wait_again(name)
        yield from stage.wait(0.5)


def guests(stage, blow):
    """Workers that come and go, every few seconds; they leave in good order."""
    yield from stage.guests(blow.for_s)


# ── mail ─────────────────────────────────────────────────────────────────────


def mail_how(how):
    def fault(stage, blow):
        stage.mail.behaves(how)
        try:
            yield from stage.wait(blow.for_s)
        finally:
            stage.mail.behaves("accept")
            if how == "hang":
                stage.mail_let_go()

    return fault


def mail_away(stage, blow):
    stage.mail.away()
    try:
        yield from stage.wait(blow.for_s)
    finally:
        stage.mail.back()


# ── clocks ───────────────────────────────────────────────────────────────────


def clock(stage, blow):
    """Stepped by that many seconds, and back."""
    stage.step_clock(blow.whom[0], blow.amount)
    try:
        yield from stage.wait(blow.for_s)
    finally:
        stage.step_clock(blow.whom[0], 0)


# ── links ────────────────────────────────────────────────────────────────────


def cut(stage, blow):
    """A host's cable is dead, and looks well."""
    host = stage.land[blow.whom[0]]
    host.cut()
    try:
        yield from stage.wait(blow.for_s)
    finally:
        host.plug()


def _rule(host, verb, *words):
    host.run("iptables", "-w", verb, "INPUT", *words, "-j", "DROP")


def rules(*pairs):
    """What comes to one from the other is lost on the way: of the people's numbers (to, from)."""

    def fault(stage, blow):
        who = [stage.land[w] for w in blow.whom]
        made = [(who[a], ("-s", who[b].address)) for a, b in pairs]
        for host, words in made:
            _rule(host, "-I", *words)
        try:
            yield from stage.wait(blow.for_s)
        finally:
            for host, words in made:
                _rule(host, "-D", *words)

    return fault


def lossy(stage, blow):
    """Of what comes to that host, that part is lost."""
    host, words = stage.land[blow.whom[0]], ("-m", "statistic", "--mode", "random", "--probability", str(blow.amount))
    _rule(host, "-I", *words)
    try:
        yield from stage.wait(blow.for_s)
    finally:
        _rule(host, "-D", *words)


def far(stage, blow):
    """To the far worker it takes so long, and not much goes through."""
    stage.link.becomes(blow.amount, 20_000)
    try:
        yield from stage.wait(blow.for_s)
    finally:
        stage.link.becomes(0, 0)


# ── the store ────────────────────────────────────────────────────────────────


def database_ends(how):
    def fault(stage, blow):
        server = stage.land.database
        server.process.send_signal(how)
        while server.process.poll() is None:
            yield
        try:
            yield from stage.wait(blow.for_s)
        finally:
            server.process.wait()
            server.start()  # by this thread: the server is to end when it does

    return fault


def _everyone(server):
    return [server.process.pid, *children_of(server.process.pid)]


def _send(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def database_frozen(work_s, rest_s):
    """All its processes stand still for work_s (0: all the time), then run for rest_s, and so on."""

    def fault(stage, blow):
        over, server = stage.at(blow.for_s), stage.land.database
        while not over():
            pids = _everyone(server)
            _send(pids, signal.SIGSTOP)
            try:
                yield from stage.wait(work_s or blow.for_s)
            finally:
                _send(pids, signal.SIGCONT)
            yield from stage.wait(rest_s)

    return fault


def file_locked(work_s, rest_s):
    """Somebody else writes to the file, and takes that long each time (0: all the time)."""

    def fault(stage, blow):
        over = stage.at(blow.for_s)
        with contextlib.closing(sqlite3.connect(stage.cluster.ledger.path, timeout=1, isolation_level=None)) as db:
            while not over():
                with contextlib.suppress(sqlite3.OperationalError):
                    db.execute("BEGIN IMMEDIATE")
                yield from stage.wait(work_s or blow.for_s)
                if db.in_transaction:
                    db.execute("ROLLBACK")
                yield from stage.wait(rest_s)

    return fault


def disk_full(stage, blow):
    filler = stage.cluster.ledger.path.parent / "filler"
    fill(filler)
    try:
        yield from stage.wait(blow.for_s)
    finally:
        filler.unlink()


CONTROL = ("loses", "repeats", "copies")
FAKED = bool(faketime()) and not SANITIZED
ROOT = os.geteuid() == 0

TABLE = (
    Fault("kill-worker", kill, BOTH, 3, (0, 0), ("worker",)),
    Fault("kill-coordinator", kill, BOTH, 2, (0, 0), ("coordinator",), CONTROL),
    Fault("kill-collector", kill, BOTH, 2, (0, 0), ("collector",), CONTROL),
    Fault("stop-worker", stop, BOTH, 2, (0.5, 14), ("worker",)),
    Fault("stop-coordinator", stop, BOTH, 2, (0.5, 14), ("coordinator",), CONTROL),
    Fault("stop-collector", stop, BOTH, 2, (0.5, 14), ("collector",), CONTROL),
    Fault("end-worker", end_in_order, BOTH, 1, (0, 0), ("worker",)),
    Fault("end-coordinator", end_in_order, BOTH, 1, (0, 0), ("coordinator",), CONTROL),
    Fault("end-collector", end_in_order, BOTH, 1, (0, 0), ("collector",), CONTROL),
    Fault("rolling", rolling, BOTH, 0.5, (0, 0), (), CONTROL),
    Fault("hang-up", hang_up, BOTH, 0.5, (0, 0), ("anybody",), ()),
    Fault("new-list", new_list, BOTH, 0.7, (0, 0), (), ()),
    Fault("guests", guests, BOTH, 0.7, (6, 15), (), ("repeats",)),
    Fault("mail-refuses", mail_how("refuse"), BOTH, 0.5, (2, 10), (), ("refuses",)),
    Fault("mail-later", mail_how("later"), BOTH, 0.7, (2, 15), (), ()),
    Fault("mail-hangs", mail_how("hang"), BOTH, 0.7, (2, 15), (), ("copies",)),
    Fault("mail-away", mail_away, BOTH, 0.7, (2, 15), (), ("copies",)),
    Fault("clock-worker", clock, BOTH, 0.7, (4, 20), ("worker",), amounts=(-3600, -20, 6, 60, 3600), possible=FAKED),
    Fault("clock-coordinator", clock, BOTH, 0.7, (4, 10), ("coordinator",), CONTROL, (-5, -2, 2, 5), FAKED),
    Fault("clock-collector", clock, BOTH, 0.7, (4, 20), ("collector",), (), (-60, -5, 5, 60), FAKED),
    Fault("file-locked", file_locked(0, 0), (ONE,), 1, (1, 8), (), CONTROL),
    Fault("file-slow", file_locked(0.6, 0.3), (ONE,), 1, (4, 15), (), CONTROL),
    Fault("disk-full", disk_full, (ONE,), 1, (2, 12), (), CONTROL, possible=ROOT),
    Fault("database-ends", database_ends(signal.SIGINT), (MANY,), 1, (0, 8), (), CONTROL),
    Fault("database-crashes", database_ends(signal.SIGQUIT), (MANY,), 1, (0, 4), (), CONTROL),
    Fault("database-frozen", database_frozen(0, 0), (MANY,), 1, (1, 14), (), CONTROL),
    Fault("database-slow", database_frozen(0.4, 0.2), (MANY,), 1, (5, 15), (), CONTROL),
    Fault("cut-worker", cut, (MANY,), 2, (1, 15), ("worker-host",)),
    Fault("cut-control", cut, (MANY,), 1.5, (1, 15), ("control-host",), CONTROL),
    Fault("cut-database", cut, (MANY,), 1, (1, 15), ("db",), CONTROL),
    Fault("cut-mail", cut, (MANY,), 0.7, (2, 10), ("service",), ("copies",)),
    Fault("deaf-worker", rules((0, 1)), (MANY,), 1, (1, 15), ("worker-host", "control-host")),
    Fault("mute-worker", rules((1, 0)), (MANY,), 1, (1, 15), ("worker-host", "control-host")),
    Fault("part-worker", rules((0, 1), (1, 0)), (MANY,), 1, (1, 15), ("worker-host", "control-host")),
    Fault("part-control", rules((0, 1), (1, 0)), (MANY,), 1, (1, 15), ("control-host", "control-host"), CONTROL),
    Fault("deaf-database", rules((0, 1)), (MANY,), 1, (1, 15), ("db", "control-host"), CONTROL),
    Fault("blind-worker", rules((1, 0)), (MANY,), 1, (1, 15), ("lone", "town")),
    Fault("lossy-worker", lossy, (MANY,), 1, (3, 15), ("worker-host",), amounts=(0.05, 0.2, 0.4)),
    Fault("lossy-control", lossy, (MANY,), 1, (3, 15), ("control-host",), CONTROL, (0.05, 0.2)),
    Fault("far-worker", far, (MANY,), 1, (5, 20), (), amounts=(0.1, 0.4, 1.0)),
)
