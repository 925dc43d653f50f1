"""The real daemons on lanes of their own, and what can be done to them.

    with Cluster(world) as c:
        c.apply(sites=[...], owners=[...])
        c.start()                        # coordinator, collector, one worker
        c.up(workers=2)                  # or: all of it through `vedette up`
        c.daemon["collector"].kill();  c.begin("collector")

Every cluster has a folder of its own for its store, its lanes (ipc://), its
configuration and the daemons' words. It is gone afterwards.
"""

import json
import os
import select
import signal
import tempfile
import time
from pathlib import Path

import yaml

from .ledger import Ledger, PostgresLedger
from .patience import FACTOR, until
from .process import Process, children_of
from .programs import BIN, environment, vedette

LANES = ("control", "results", "feed", "feedback", "jobs")

# Short, so that a story takes seconds; the proportions are those of the defaults.
QUICK = {
    "log.level": "debug",
    "coordinator.taken_within": "1s",
    "coordinator.suspect_after": "1500ms",
    "coordinator.dead_after": "3s",
    "coordinator.grace": "2s",
    "coordinator.breaker": "1s",
    "coordinator.catalog_every": "200ms",
    "collector.batch_wait": "20ms",
    "notify.retry_first": "200ms",
    "notify.retry_most": "1s",
    "worker.threads": "1",
    "worker.slots": "200",
    "worker.allow": "127.0.0.0/8, ::1/128",
    "worker.dns_min": "200ms",
    "worker.dns_max": "1s",
    "mail.tls": "never",
    "mail.from": "vedette@watch.test",
    "metrics.coordinator": "",  # nowhere, unless a test wants it: "127.0.0.1:0"
    "metrics.collector": "",
    "metrics.worker": "",
}


def nested(settings):
    """{"a.b": 1} as YAML has it: {"a": {"b": 1}}."""
    tree = {}
    for name, value in settings.items():
        at = tree
        *path, last = name.split(".")
        for p in path:
            at = at.setdefault(p, {})
        at[last] = str(value)
    return tree


def write_settings(path, settings):
    """As one step: a daemon may be reading them."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(yaml.safe_dump(nested(settings), sort_keys=False))
    draft.replace(path)


class Cluster:
    def __init__(self, world=None, settings=(), store=None, database=None):
        self._folder = tempfile.TemporaryDirectory(prefix="vedette-")
        self.folder = Path(self._folder.name)
        self.store_path = Path(store) if store else self.folder / "vedette.db"
        self.store = database or f"sqlite:{self.store_path}"
        self.daemon = {}  # those that were begun singly, by name
        self.supervisor = None  # `vedette up`
        self.settings = {f"endpoint.{lane}": f"ipc://{self.folder}/{lane}" for lane in LANES}
        self.settings.update(QUICK)
        self.settings["store"] = self.store
        if world:
            self.settings["worker.resolver"] = world.resolver.address
            self.settings["worker.ca_file"] = world.pki.ca_file
        self.settings.update(dict(settings))
        self.config = self.folder / "vedette.yaml"
        self.ledger = PostgresLedger(database) if database else Ledger(self.store_path)
        self._begun = 0

    # ── before and after ──

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            self.stop(gently=kind is None)
        except AssertionError:
            if kind is None:
                raise
        finally:
            if kind is not None:
                self._tell_logs()
            self._folder.cleanup()

    def _tell_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            text = log.read_text(errors="replace")
            print(f"──── {log.name} (its last lines)\n{text[-4000:]}")

    def write_config(self, **more):
        self.settings.update(more)
        write_settings(self.config, self.settings)

    # ── the daemons ──

    def begin(self, part, name=None, sets=(), wait=True, wrap=(), env=()):
        """Start one daemon singly and wait until it says it is ready. `name` names a worker."""
        name = name or part
        self.write_config()
        args = [*wrap, BIN / f"vedette-{part}", "--config", self.config]
        if part == "worker":
            args += ["--set", f"worker.name={name}"]
        for s in sets:
            args += ["--set", s]
        return self.launch(name, args, wait, env)

    def launch(self, name, args, wait=True, env=()):
        """A program that says when it is ready, as the daemon `name`."""
        self._begun += 1
        told, tells = os.pipe()
        os.set_inheritable(tells, True)
        process = Process(
            name, args, self.folder / f"{name}.{self._begun}.log", env=environment(VEDETTE_READY_FD=tells, **dict(env)),
            pass_fds=(tells,),
        )
        os.close(tells)
        self.daemon[name] = process
        try:
            if wait:
                self._ready(process, told)
        finally:
            os.close(told)
        return process

    def _ready(self, process, fd, within=15):
        end = time.monotonic() + within * FACTOR
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                if os.read(fd, 64):
                    return
                raise AssertionError(f"{process.name} ended before it was ready:\n{process.said()[-3000:]}")
        raise AssertionError(f"{process.name} is not ready after {within * FACTOR} s:\n{process.said()[-3000:]}")

    def start(self, workers=("worker",), store=True):
        """All of it, singly. The store exists afterwards."""
        if store and self.ledger.one("SELECT change FROM meta") is None:
            self.apply(sites=[])
        self.begin("coordinator")
        self.begin("collector")
        for w in workers:
            self.begin("worker", w)
        return self

    def up(self, *options, workers=1, within=20, env=None):
        """`vedette up`: its process. Ready when all its children are."""
        self.write_config()
        self._begun += 1
        self.supervisor = Process(
            "up",
            [BIN / "vedette", "up", "--config", self.config, "--workers", workers, *options],
            self.folder / f"up.{self._begun}.log",
            env=env or environment(), out=self.folder / f"up.{self._begun}.out",
        )
        self.screen = self.folder / f"up.{self._begun}.out"
        if within:
            until(
                lambda: set(self.children().values()) >= {"coordinator", "collector", "worker"}
                or not self.supervisor.alive(),
                within,
                lambda: f"vedette up has all its children; it has {self.children()}\n{self.supervisor.said()[-3000:]}",
            )
        return self.supervisor

    def children(self):
        """What `vedette up` runs now: {process id: "worker"}."""
        found = {}
        for pid, command in children_of(self.supervisor.pid).items():
            for part in ("coordinator", "collector", "worker"):
                if command and os.path.basename(command[0]) == f"vedette-{part}":
                    found[pid] = part
        return found

    def kill_child(self, part):
        """kill -9 of one child of `vedette up`; the process id it had."""
        pid = next(p for p, c in self.children().items() if c == part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_child_again(self, part, not_pid, within=15):
        return until(
            lambda: [p for p, c in self.children().items() if c == part and p != not_pid],
            within,
            lambda: f"another {part} than {not_pid}; children: {self.children()}",
        )[0]

    def stop(self, gently=True):
        """End all: workers first, so that their last results are kept."""
        trouble = []
        processes = ([self.supervisor] if self.supervisor else []) + sorted(
            self.daemon.values(), key=lambda p: p.name.startswith(("coordinator", "collector"))
        )
        for p in processes:
            try:
                p.stop() if gently else p.kill()
            except AssertionError as e:
                trouble.append(str(e))
        self.daemon, self.supervisor = {}, None
        assert not trouble, "\n".join(trouble)

    # ── the command ──

    def cli(self, *args, **how):
        self.write_config()
        command, *rest = args
        return vedette(command, "--config", self.config, *rest, **how)

    def ask(self, *args):
        """A command's --json: a list of objects, or the one object."""
        said = self.cli(*args, "--json")
        assert said.status == 0, said
        found = said.lines()
        return found

    def apply(self, sites=(), owners=(), defaults=None, options=()):
        """`vedette apply` of a list; it must be accepted."""
        tree = {"owners": list(owners), "sites": list(sites)}
        if defaults:
            tree["defaults"] = defaults
        path = self.folder / "sites.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in tree.items() if v or k == "sites"}, sort_keys=False))
        said = self.cli("apply", "-f", path, *options)
        assert said.status == 0, said
        return said

    def health(self, site):
        for s in self.ask("sites"):
            if s["name"] == site:
                return s["health"]
        return None

    def wait_health(self, site, health, within=10):
        return until(
            lambda: self.ledger.health(site) == health,
            within,
            lambda: f"{site} is {health}; it is {self.ledger.health(site)}; results: {self.ledger.tail(site)}",
        )

    # ── the feed ──

    def watch(self):
        return Watch(self)


class Watch:
    """`vedette watch --json` in the background: events as they come."""

    def __init__(self, cluster):
        cluster.write_config()
        cluster._begun += 1
        self.out = cluster.folder / f"watch.{cluster._begun}.out"
        self.process = Process(
            "watch", [BIN / "vedette", "watch", "--json", "--config", cluster.config],
            cluster.folder / f"watch.{cluster._begun}.log", env=environment(), out=self.out,
        )
        cluster.daemon[f"watch.{cluster._begun}"] = self.process

    def events(self, kind=None):
        found = []
        for line in self.out.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the last line is still being written
            if kind in (None, event.get("event") or event.get("kind")):
                found.append(event)
        return found

    def wait(self, kind, fits=lambda e: True, within=10):
        return until(
            lambda: [e for e in self.events(kind) if fits(e)],
            within,
            lambda: f"an event {kind}; there were {self.events()[-10:]}",
        )
