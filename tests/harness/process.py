"""Child processes that cannot outlive the test run.

Each is started through setpriv, which asks the kernel to kill it when we die,
and keeps its process id. Its standard error goes to a file that is read while
it runs, and that is searched for a sanitizer's words when it has ended.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess

from .patience import FACTOR, until

ALARMING = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer|runtime error:|"
    r"Assertion .* failed|^[^\n]*Assertion failed:|stack smashing|double free|corrupted|Segmentation fault",
    re.MULTILINE,
)


def program(name):
    """The full path of a system program; sbin is not on everybody's PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin")
    if not path:
        raise FileNotFoundError(f"{name} is not installed (make deps)")
    return path


# Ports for servers: below those that the kernel gives to connections (ip_local_port_range), so that no
# passing connection sits on one, and a part of them for each of the test processes side by side.
FIRST_PORT, LAST_PORT, PARTS = 10_000, 32_000, 16


def _ports():
    each = (LAST_PORT - FIRST_PORT) // PARTS
    begin = FIRST_PORT + each * (int(os.environ.get("VEDETTE_TEST_SHARD", "0/1").split("/")[0]) % PARTS)
    at = os.getpid() % each  # two runs side by side seldom meet
    while True:
        yield begin + at
        at = (at + 1) % each


_next_port = _ports()


def free_port(kind=socket.SOCK_STREAM):
    """A port that was free on every address a moment ago, and that this process is not given again soon."""
    for port in itertools.islice(_next_port, (LAST_PORT - FIRST_PORT) // PARTS):
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("0.0.0.0", port))
            return port
    raise OSError("no port is free")


def alarming(text):
    """The lines of a program's errors that no test may pass over; '' for none."""
    hit = ALARMING.search(text)
    return text[max(0, hit.start() - 200) : hit.start() + 3000] if hit else ""


class Process:
    """One running child.

    `out` is where standard output goes: a path, or None for the same file as
    standard error. `allow` are signals by which it may end although nobody of
    ours sent them.
    """

    def __init__(self, name, args, log, env=None, cwd=None, out=None, pass_fds=(), stdin=subprocess.DEVNULL):
        self.name = name
        self.log = str(log)
        self.expected_death = False
        self._checked = False
        with open(self.log, "ab") as err, open(out or self.log, "ab") as o:
            self.popen = subprocess.Popen(
                [program("setpriv"), "--pdeathsig", "KILL", "--", *map(str, args)],
                stdin=stdin, stdout=o, stderr=err, env=env, cwd=cwd, pass_fds=pass_fds,
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def said(self):
        """Everything on standard error so far."""
        with open(self.log, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def says(self, pattern, within=10):
        """Wait until standard error has a line that `pattern` finds; the match."""
        return until(
            lambda: re.search(pattern, self.said(), re.MULTILINE),
            within,
            lambda: f"{self.name} says /{pattern}/; it said:\n{self.said()[-3000:]}",
        )

    def send(self, signum):
        if signum == signal.SIGKILL:
            self.expected_death = True
        if self.alive():
            os.kill(self.pid, signum)

    def kill(self):
        """kill -9, and it is gone when this returns."""
        self.send(signal.SIGKILL)
        self.popen.wait(10)

    def ended(self, within=10):
        """Wait for its end; the exit status."""
        try:
            status = self.popen.wait(within * FACTOR)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} ({self.pid}) did not end; it said:\n{self.said()[-3000:]}") from None
        return status

    def stop(self, within=10):
        """Ask it to end (SIGTERM), insist after a while; complain when it ended badly."""
        if self.alive():
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.popen.wait(within * FACTOR)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(
                    f"{self.name} did not end within {within * FACTOR:.0f} s of SIGTERM; it said:\n{self.said()[-3000:]}"
                ) from None
        self.check()

    def check(self):
        """No sanitizer spoke, and no signal ended it but ours."""
        if self._checked:
            return
        self._checked = True
        trouble = alarming(self.said())
        assert not trouble, f"{self.name}:\n{trouble}"
        status = self.popen.poll()
        if status is not None and status < 0 and not self.expected_death:
            raise AssertionError(f"{self.name} died of signal {-status}:\n{self.said()[-3000:]}")


def children_of(pid):
    """Process ids whose parent is `pid` now, with their command names."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as f:
                stat = f.read().decode("utf-8", "replace")
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                command = f.read().split(b"\0")
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == pid:
            found[int(entry)] = [c.decode("utf-8", "replace") for c in command if c]
    return found
