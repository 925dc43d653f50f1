"""Several test processes side by side: most of a test is waiting.

The process that was started begins as many others as --at-once says, each a
pytest of its own with an internet of its own, and puts their reports together.
All of them know all tests, in the same order; whoever is free takes the next.
So they end at about the same time, whatever each test takes. Tests marked `long`
are taken first; those of a file that has a fixture for the whole file are taken
together.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

from .patience import FACTOR

VARIABLE = "VEDETTE_TEST_SHARD"  # number/of: see process.free_port
TURNS = "VEDETTE_TEST_TURNS"  # the file that says whose turn it is
AT_ONCE = 1 if FACTOR > 4 else 3 if FACTOR > 1 else 4


def _turn(path):
    """0, 1, 2, ...: each number is given to one of the processes."""
    with open(path, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int(file.read() or 0)
        file.seek(0)
        file.write(str(number + 1))
    return number


def groups(items, is_whole):
    """Lists of tests that one process takes together, in the order in which they are taken."""
    found = {}
    for item in items:
        found.setdefault(str(item.path) if is_whole(item) else item.nodeid, []).append(item)
    late = {key: not (len(group) > 1 or group[0].get_closest_marker("long")) for key, group in found.items()}
    return [found[key] for key in sorted(found, key=late.get)]


def taken(items, is_whole, path):
    """The tests that this process takes, one after the other, as it is free."""
    every = groups(items, is_whole)
    while (turn := _turn(path)) < len(every):
        yield from every[turn]


def loop(session, is_whole):
    """For pytest_runtestloop: as pytest's own, but for where the next test comes from."""
    path = os.environ.get(TURNS)
    if not path or session.testsfailed or session.config.option.collectonly:
        return None
    mine = taken(session.items, is_whole, path)
    item = next(mine, None)
    while item:
        after = next(mine, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = after
    return True


def run(args, junit, of):
    """All shards; the exit status of the whole. Their output is shown when they have ended."""
    args = [a for a in args if not str(a).startswith("--junitxml")]
    with tempfile.TemporaryDirectory(prefix="vedette-shards-") as folder:
        turns = Path(folder, "turns")
        turns.touch()
        shards = []
        for n in range(of):
            out = open(Path(folder, f"{n}.out"), "w+b")
            report = Path(folder, f"{n}.xml")
            words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args, f"--junitxml={report}"]
            process = subprocess.Popen(
                words, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, VARIABLE: f"{n}/{of}", TURNS: str(turns)}
            )
            shards.append((process, out, report))
        try:
            statuses = [p.wait() for p, _, _ in shards]
        finally:
            for p, _, _ in shards:
                if p.poll() is None:
                    p.terminate()
                    p.wait()
        for _, out, _ in shards:
            out.seek(0)
            sys.stdout.write(out.read().decode("utf-8", "replace"))
            out.close()
        together(shards, junit)
    return max(statuses)


def together(shards, junit):
    """One report of all, and one line."""
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    whole = xml.Element("testsuites")
    for _, _, report in shards:
        if not report.exists():
            continue
        for suite in xml.parse(report).getroot().iter("testsuite"):
            whole.append(suite)
            for name in counts:
                counts[name] += int(suite.get(name, 0))
    if junit:
        xml.ElementTree(whole).write(junit, encoding="utf-8", xml_declaration=True)
    bad = counts["failures"] + counts["errors"]
    good = counts["tests"] - bad - counts["skipped"]
    print(f"together: {good} passed, {bad} failed, {counts['skipped']} skipped")
