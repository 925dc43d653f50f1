"""Keeps processes running as systemd would, samples them, and remembers each of them to its end.

    minder = Minder(begin)          begin(name): a harness Process that was just started
    minder.add("w1"); minder.kill("w1"); minder.freeze("w1"); minder.tick()
    minder.lives                    all that ever ran
"""

import os
import signal
import time

from evidence import Life
from harness.process import alarming

AGAIN_S = 1.0  # RestartSec of the units
PATIENCE_S = 30.0  # TimeoutStopSec of the units


class Minder:
    def __init__(self, begin):
        self.begin = begin
        self.process, self.life = {}, {}  # of those that run now, by name
        self.lives, self.due = [], {}
        self._sampled = 0.0

    def add(self, name):
        """It runs from now on."""
        self.due.pop(name, None)
        p = self.process[name] = self.begin(name)
        life = self.life[name] = Life(name, p.pid, time.time())
        self.lives.append(life)
        return p

    def runs(self, name):
        return name in self.process and self.process[name].alive()

    # ── what is done to them ──

    def kill(self, name):
        if self.runs(name):
            self.life[name].how = "killed"
            self.process[name].kill()

    def freeze(self, name):
        if self.runs(name):
            self.process[name].send(signal.SIGSTOP)

    def thaw(self, name):
        if self.runs(name):
            self.process[name].send(signal.SIGCONT)

    def signal(self, name, number):
        if self.runs(name):
            self.process[name].send(number)

    def ask_to_end(self, name, again):
        """SIGTERM; `again`: it is started anew when it has ended."""
        if self.runs(name):
            self.life[name].how = self.life[name].how or "asked"
            self.process[name].send(signal.SIGTERM)
        if not again:
            self.due[name] = float("inf")

    # ── the course of time ──

    def tick(self):
        now = time.time()
        for name, p in list(self.process.items()):
            if not p.alive():
                self._ended(name, p)
        for name, at in list(self.due.items()):
            if now >= at and name not in self.process:
                self.add(name)
        if now - self._sampled >= 1:
            self._sampled = now
            for name, p in self.process.items():
                self._sample(self.life[name], p.pid, now)

    def _ended(self, name, p):
        life, said = self.life[name], p.said()
        life.ended, life.status = time.time(), p.popen.returncode
        life.how = life.how or "itself"
        self._last_words(life, said)
        del self.process[name], self.life[name]
        quick = life.how == "asked"
        self.due.setdefault(name, life.ended + (0 if quick else AGAIN_S))

    @staticmethod
    def _last_words(life, said):
        life.alarm = alarming(said)
        life.last = said.strip().splitlines()[-1][-300:] if said.strip() else ""

    @staticmethod
    def _sample(life, pid, now):
        try:
            with open(f"/proc/{pid}/statm", encoding="ascii") as f:
                pages = int(f.read().split()[1])
            life.fds.append((now, len(os.listdir(f"/proc/{pid}/fd"))))
            life.rss_mb.append((now, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
        except (OSError, IndexError):
            pass  # it has just ended

    def stop(self, order):
        """All of them, in that order of names, one after the other."""
        for name in order:
            self.due[name] = float("inf")
            if not self.runs(name):
                continue
            self.thaw(name)
            self.ask_to_end(name, again=False)
            self._wait_for(name)
        for name, p in list(self.process.items()):
            self.kill(name)
            self._ended(name, p)

    def _wait_for(self, name):
        p = self.process[name]
        end = time.time() + PATIENCE_S
        while p.alive() and time.time() < end:
            time.sleep(0.02)
        if p.alive():
            self.life[name].alarm = f"did not end within {PATIENCE_S:.0f} s of SIGTERM"
            p.kill()
        self._ended(name, p)
