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

import signal
from dataclasses import dataclass

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


CONTROL = ("loses", "repeats", "copies")

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
)
