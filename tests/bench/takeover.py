"""How long nobody looks, and nothing is recorded, when another host takes over: 20 times for each kind of end.

Hosts in network namespaces (as root): two with a coordinator and a collector each, one with PostgreSQL, two with
workers, one with sites of which one is due every 50 ms. Links have their keys, and settings are the defaults (a lease of
10 s). Each time the host that acts is ended in good order, killed, stopped, or cut off from all others; what was ended
begins again and waits, and the other one's turn comes. Two such clusters are at it side by side, for the sake of time.

Two gaps count: between looks, as the sites see them, and between commits of lines, by the database's own clock. Before
a take-over both are some 50 ms. Beside them stands each successor's own word that it acts.
"""
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from types import SimpleNamespace

import chart
import report
import surroundings  # noqa: F401  the harness is found by it
from harness import behaviours, network
from harness.hosts import CONTROL, PAIR, HostCluster, Land, Town
from harness.patience import until

RUNS, SITES, DUE_EVERY_S = 20, 20, 0.05
SETTLE_S = 1.5
KINDS = {"handed over (SIGTERM)": 1, "killed (SIGKILL)": 3, "stopped (SIGSTOP)": 15, "cut off": 15}
SIDE_BY_SIDE = [("stopped (SIGSTOP)", "handed over (SIGTERM)"), ("cut off", "killed (SIGKILL)")]
SIGNALS = {"handed over (SIGTERM)": signal.SIGTERM, "killed (SIGKILL)": signal.SIGKILL, "stopped (SIGSTOP)": signal.SIGSTOP}
GAPS = ("looks", "recorded")


class Turns:
    """Two control hosts that take turns; `acts` is the one whose turn it is."""

    def __init__(self, cluster, sites):
        self.cluster, self.sites = cluster, sites
        self.acts, self.waits = CONTROL

    def host(self, name):
        return self.cluster.land[name]

    def change(self, kind):
        """One end and what came of it: when each successor said that it acts, and the two gaps, in seconds."""
        heirs = {part: self.cluster.daemon[f"{part}-{self.waits}"] for part in PAIR}
        victims = self.cluster.take_pair(self.acts)
        at = time.time()
        self.end(kind, victims)
        acts_at = {part: word(heir, part) for part, heir in heirs.items()}
        looks = until(lambda: after(self.looks(at), acts_at["coordinator"]), 30, "looks again")
        lines = until(lambda: after(self.lines(at), max(acts_at.values())), 30, "lines again", every=0.2)
        self.mend(kind, victims)
        self.cluster.begin_pair(self.acts)
        self.acts, self.waits = self.waits, self.acts
        return {part: s - at for part, s in acts_at.items()} | {"looks": gap(looks), "recorded": gap(lines)}

    def end(self, kind, victims):
        if kind == "cut off":
            self.host(self.acts).cut()
        else:
            for v in victims:
                v.send(SIGNALS[kind])

    def mend(self, kind, victims):
        """Who was not told to end wakes up now, learns that it is deposed, and ends."""
        if kind == "cut off":
            self.host(self.acts).plug()
        for v in victims:
            if SIGNALS.get(kind) == signal.SIGSTOP:
                v.send(signal.SIGCONT)
            v.ended(60)

    def looks(self, at):
        """When the sites were asked, from a second before `at` on."""
        return sorted(v.at for site in self.sites for v in site.visits[-60:] if v.at > at - 1)

    def lines(self, at):
        """When transactions with results were committed, likewise."""
        rows = self.cluster.ledger.query(
            "SELECT DISTINCT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM look "
            "WHERE verdict = 0 AND slot_us > ?", int((at - 5) * 1e6))
        return sorted(t for (t,) in rows if t > at - 1)


def word(process, part):
    """When it said that it acts, by the line's own time."""
    line = process.says(rf"^(\S+)Z info \S+ {part}\.leads ", within=60)
    return datetime.fromisoformat(line.group(1) + "+00:00").timestamp()


def after(times, then):
    """All of them, if there is one after that."""
    return times if times and times[-1] > then else None


def gap(times):
    return max(b - a for a, b in zip(times, times[1:]))


def wait_whole(ledger, sites):
    """Slots of which there is not one line; those of the last take-over are still to be reported."""
    end = time.monotonic() + 20
    while (holes := sum(len(ledger.gaps(x.name)) for x in sites)) and time.monotonic() < end:
        time.sleep(1)
    return holes


def play(kinds):
    """On hosts of its own; what was found, and what the ledger says in the end."""
    with ExitStack() as ends:
        land = ends.enter_context(closing(Land({"track_commit_timestamp": "on", "max_connections": "200"})))
        town = ends.enter_context(closing(Town(land)))
        cluster = ends.enter_context(HostCluster(land, SimpleNamespace(url="smtp://10.6.0.1:2525")))
        cluster.pairs = True
        for name in [n for n in cluster.settings if n.startswith(("coordinator.", "collector.", "notify.", "operator."))]:
            del cluster.settings[name]  # the defaults
        cluster.settings.update({"log.level": "info"})
        sites = [town.site(f"site-{n}", behaviours.healthy()) for n in range(SITES)]
        cluster.start(workers=("eu1", "eu2"))
        cluster.apply(sites=[{"name": x.name, "url": x.url(), "every": f"{SITES * DUE_EVERY_S * 1000:.0f}ms",
                              "timeout": "900ms", "method": "GET"} for x in sites])
        until(lambda: all(x.visits for x in sites), 30, "all are looked at")
        turns = Turns(cluster, sites)
        found = {}
        for kind in kinds:
            found[kind] = []
            for _ in range(RUNS):
                time.sleep(SETTLE_S)
                found[kind].append(turns.change(kind))
        holes = wait_whole(cluster.ledger, sites)
        grids = [cluster.ledger.grid(x.name)[0] for x in sites]
        return {"kinds": found, "gaps": holes, "slots": sum(len(g) for g in grids),
                "unknown": sum(verdict == "unknown" for g in grids for _, verdict in g)}


def run(_resolver, _pki):
    why = network.impossible()
    if why:
        return {"impossible": why}
    with ThreadPoolExecutor(len(SIDE_BY_SIDE)) as pool:
        halves = list(pool.map(play, SIDE_BY_SIDE))
    return {"runs": {kind: runs for half in halves for kind, runs in half["kinds"].items()},
            **{what: sum(half[what] for half in halves) for what in ("gaps", "slots", "unknown")}}


def spread(values):
    """Least, median, nine in ten, most."""
    ordered = sorted(values)
    return [ordered[0], ordered[len(ordered) // 2], ordered[(len(ordered) * 9 + 9) // 10 - 1], ordered[-1]]


def words(values):
    return " ".join(f"{v:5.2f}" for v in spread(values))


def show(found):
    report.heading(f"Another host takes over, {RUNS} times each; seconds: least, median, nine in ten, most")
    if "impossible" in found:
        print(found["impossible"])
        return []
    body, goals = [], []
    for kind, limit in KINDS.items():
        runs = found["runs"][kind]
        body.append([kind, *(words([r[what] for r in runs]) for what in (*PAIR, *GAPS))])
        most = max(r[what] for r in runs for what in PAIR)
        goals.append(report.goal(f"{kind}: another one acts within {limit} s", f"{most:.2f} s", most <= limit))
        most = max(r[what] for r in runs for what in GAPS)
        goals.append(report.goal(f"... and nobody looks, or records, for at most {limit} s", f"{most:.2f} s", most <= limit))
    report.rows(["", *(f"{part} acts after" for part in PAIR), "no look for", "no line for"], body)
    print(f"{found['slots']:,} slots of {2 * SITES} sites meanwhile, {found['unknown']:,} of them not looked at")
    goals.append(report.goal("every slot is in the ledger once", f"{found['gaps']} are not", found["gaps"] == 0))
    return goals


def pictures(found):
    if "impossible" in found:
        return []
    return [chart.Bars(f"another host takes over: {what}", "seconds, median of 20",
                       [(kind, spread([r[gap_] for r in found["runs"][kind]])[1]) for kind in KINDS])
            for gap_, what in (("looks", "nobody looks"), ("recorded", "nothing is recorded"))]


if __name__ == "__main__":
    result = run(None, None)
    print(json.dumps(result))
    show(result)
