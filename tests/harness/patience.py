"""Waiting for things that happen: always for an event, always with a deadline.

Programs built with sanitizers are several times slower. Deadlines stretch for
them (VEDETTE_TEST_PATIENCE, or what the folder of the programs is called);
intervals of the sites watched are not stretched by themselves.
"""

import os
import time


def _factor():
    told = os.environ.get("VEDETTE_TEST_PATIENCE")
    if told:
        return float(told)
    folder = os.environ.get("VEDETTE_BIN", "")
    return 6.0 if "tsan" in folder else 4.0 if "asan" in folder else 1.0


FACTOR = _factor()


class Late(AssertionError):
    """What was waited for did not happen."""


def until(question, within, what, every=0.02):
    """Ask `question` until its answer is true, and return that answer.

    `within` is in seconds, stretched by FACTOR. The last answer is part of the
    complaint, so let `question` return something worth reading when it fails
    (an empty list says less than a wrong one).
    """
    end = time.monotonic() + within * FACTOR
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            said = what() if callable(what) else what
            raise Late(f"after {within * FACTOR:.1f} s still not: {said} (last answer: {answer!r})")
        time.sleep(every)


def stays(question, seconds, what):
    """The opposite: `question` must stay true for that long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not question():
            raise AssertionError(f"did not last {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)
