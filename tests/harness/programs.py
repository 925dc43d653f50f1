"""The programs under test: where they are, and how to ask the command something."""

import json
import os
import subprocess
from pathlib import Path

from .patience import FACTOR
from .process import alarming

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("VEDETTE_BIN") or ROOT / "build/debug/bin").resolve()
SANITIZED = FACTOR > 1

# Ours alone decide what a child sees: no VEDETTE_ settings of the person's shell, no proxies.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k in KEPT}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1:exitcode=98")
    env["PATH"] = f"{BIN}:{env.get('PATH', '/usr/bin:/bin')}"
    env.update({k: str(v) for k, v in more.items()})
    return env


class Said:
    """What one call of a program said, and its exit status."""

    def __init__(self, args, done):
        self.args = args
        self.status = done.returncode
        self.out = done.stdout.decode("utf-8", "replace") if isinstance(done.stdout, bytes) else done.stdout
        self.err = done.stderr.decode("utf-8", "replace") if isinstance(done.stderr, bytes) else done.stderr
        trouble = alarming(self.err)
        assert not trouble, f"{args}:\n{trouble}"
        assert self.status >= 0, f"{args} died of signal {-self.status}: {self.err}"

    def lines(self):
        """Standard output as JSON objects, one a line."""
        found = []
        for line in self.out.splitlines():
            if line.strip():
                found.append(json.loads(line))
        return found

    def json(self):
        """Standard output as one JSON value."""
        return json.loads(self.out)

    def __repr__(self):
        words = " ".join(map(str, self.args))[:300]
        return f"<{words}: exit {self.status}\n--- out\n{self.out[-3000:]}--- err\n{self.err[-3000:]}>"


def run(*args, within=30, stdin=None, env=None, cwd=None):
    """One program to its end. args[0] is a name in BIN, or a path."""
    path = args[0] if os.sep in str(args[0]) else BIN / args[0]
    done = subprocess.run(
        [str(path), *map(str, args[1:])], capture_output=True, timeout=within * FACTOR, env=env or environment(),
        cwd=cwd, **({"input": stdin.encode()} if stdin is not None else {"stdin": subprocess.DEVNULL}),
    )
    return Said([Path(path).name, *args[1:]], done)


def vedette(*args, **how):
    return run("vedette", *args, **how)


def check(*args, resolver=None, ca_file=None, sets=(), **how):
    """`vedette check --json`: {url: what it said of it}, and the whole call."""
    options = []
    if resolver:
        options += ["--resolver", resolver]
    if ca_file:
        options += ["--ca-file", ca_file]
    for s in sets:
        options += ["--set", s]
    said = vedette("check", "--json", *options, *args, **how)
    return {x["url"]: x for x in said.lines()}, said
