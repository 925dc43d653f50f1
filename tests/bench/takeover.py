"""How long it takes until another host acts: 20 take-overs of each kind.

Two coordinators and two collectors at a PostgreSQL server of our own, all with the default settings (a lease of 10 s),
one worker, and sites of which one is due every 50 ms. Each time the pair that acts is ended in good order, killed, or
frozen (and awakened when it is over); then it waits, and the other one's turn comes. What counts is from the signal to
the successor's own word that it acts, and to the first look that it has given out.
"""
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

import chart
import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import behaviours, postgres  # noqa: E402
from harness.aloop import Background  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.misbehave import Village  # noqa: E402
from harness.patience import until  # noqa: E402

RUNS, SITES = 20, 20
KINDS = {"ended (SIGTERM)": (signal.SIGTERM, 1), "killed (SIGKILL)": (signal.SIGKILL, 3), "frozen (SIGSTOP)": (signal.SIGSTOP, 15)}
PARTS = ("coordinator", "collector")


class Pairs:
    """Host a and host b; `acts` is the one whose turn it is."""

    def __init__(self, cluster):
        self.cluster = cluster
        lanes = {lane: cluster.settings[f"endpoint.{lane}"] for lane in ("control", "results", "feed", "feedback", "jobs")}
        cluster.settings["worker.coordinators"] = f"{lanes['control']}-a,{lanes['control']}-b"
        self.sets = {host: [f"endpoint.{lane}={at}-{host}" for lane, at in lanes.items()] for host in "ab"}
        self.acts, self.waits = "a", "b"

    def name(self, host, part):
        return f"{part} {host}"

    def begin(self, host):
        for part in PARTS:
            self.cluster.begin(part, name=self.name(host, part), sets=self.sets[host])

    def processes(self, host):
        return [self.cluster.daemon[self.name(host, part)] for part in PARTS]

    def change(self, number, site_visits):
        """Seconds from the signal to each part's word, and to the next look."""
        heirs = self.processes(self.waits)
        victims = [self.cluster.daemon.pop(self.name(self.acts, part)) for part in PARTS]
        at = time.time()
        for v in victims:
            v.send(number)
        took = {part: word(heir, part) - at for part, heir in zip(PARTS, heirs)}
        epoch_at = at + took["coordinator"]
        look = until(lambda: next((v for v in site_visits() if v > epoch_at), None), 30, "a look") - at
        if number == signal.SIGSTOP:
            for v in victims:
                v.send(signal.SIGCONT)
        for v in victims:
            v.ended(30)
        self.begin(self.acts)
        self.acts, self.waits = self.waits, self.acts
        return took | {"look": look}


def word(process, part):
    """When it said that it acts, by the line's own time."""
    line = process.says(rf"^(\S+)Z info \S+ {part}\.leads ", within=40)
    return datetime.fromisoformat(line.group(1) + "+00:00").timestamp()


def run(resolver, _pki):
    background = Background()
    village = Village(resolver, background)
    out = {}
    try:
        with postgres.Server() as server, Cluster(database=server.schema()) as cluster:
            cluster.settings.update({"worker.resolver": resolver.address, "log.level": "info",
                                     "coordinator.suspect_after": "3s", "coordinator.dead_after": "10s"})
            sites = [village.site(f"site-{n}", behaviours.healthy()) for n in range(SITES)]
            cluster.apply(sites=[{"name": x.name, "url": x.url(), "every": "1s", "timeout": "900ms", "method": "GET"}
                                 for x in sites])
            pairs = Pairs(cluster)
            pairs.begin("a")
            pairs.begin("b")
            cluster.begin("worker")
            until(lambda: all(x.visits for x in sites), 30, "all are looked at")
            for kind, (number, _limit) in KINDS.items():
                out[kind] = []
                for _ in range(RUNS):
                    time.sleep(1.5)
                    out[kind].append(pairs.change(
                        number, lambda: sorted(v.at for x in sites for v in list(x.visits)[-20:])))
            out["gaps"] = sum(len(cluster.ledger.gaps(x.name)) for x in sites)
            out["slots"] = sum(len(cluster.ledger.grid(x.name)[0]) for x in sites)
            out["missed"] = sum(1 for x in sites for _, verdict in cluster.ledger.grid(x.name)[0] if verdict == "unknown")
    finally:
        village.close()
        background.close()
    return out


def spread(values):
    ordered = sorted(values)
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def show(found):
    report.heading(f"Until another host acts: {RUNS} take-overs of each kind, seconds: least, median, most")
    body, goals = [], []
    for kind, (_number, limit) in KINDS.items():
        runs = found[kind]
        body.append([kind, *(" ".join(f"{v:6.2f}" for v in spread([r[what] for r in runs]))
                             for what in (*PARTS, "look"))])
        most = max(r[part] for r in runs for part in PARTS)
        goals.append(report.goal(f"{kind}: another one acts within {limit} s", f"{most:.2f} s", most <= limit))
    report.rows(["", *PARTS, "next look"], body)
    print(f"{found['slots']:,} slots of {SITES} sites meanwhile, {found['missed']:,} of them not looked at")
    goals.append(report.goal("every slot is in the ledger once", f"{found['gaps']} are not", found["gaps"] == 0))
    return goals


def pictures(found):
    return [chart.Bars("Until another host acts", "seconds, median of the slower part",
                       [(kind, spread([max(r[p] for p in PARTS) for r in found[kind]])[1]) for kind in KINDS])]
