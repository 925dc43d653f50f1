"""Several test processes side by side: most of a test is waiting.

The process that was started shares the tests out to as many as --at-once says,
each a pytest of its own with an internet of its own, and puts their reports
together. Tests of a file that has a fixture for the whole file stay together.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

from .patience import FACTOR

VARIABLE = "VEDETTE_TEST_SHARD"
AT_ONCE = 1 if FACTOR > 4 else 3 if FACTOR > 1 else 4
NO_TESTS = 5  # pytest's exit status when all were sifted out


def mine(items, is_whole):
    """(kept, left to others) of the collected tests, for the shard that the environment names."""
    told = os.environ.get(VARIABLE)
    if not told:
        return items, []
    number, of = map(int, told.split("/"))
    seen, kept, others = {}, [], []
    for item in items:
        group = str(item.path) if is_whole(item) else item.nodeid
        (kept if seen.setdefault(group, len(seen)) % of == number else others).append(item)
    return kept, others


def run(args, junit, of):
    """All shards; the exit status of the whole. Their output is shown when they have ended."""
    args = [a for a in args if not str(a).startswith("--junitxml")]
    with tempfile.TemporaryDirectory(prefix="vedette-shards-") as folder:
        shards = []
        for n in range(of):
            out = open(Path(folder, f"{n}.out"), "w+b")
            report = Path(folder, f"{n}.xml")
            words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args, f"--junitxml={report}"]
            process = subprocess.Popen(
                words, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, VARIABLE: f"{n}/{of}"}
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
    real = [s for s in statuses if s != NO_TESTS]
    return max(real) if real else NO_TESTS


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
