"""Many sites of a town that take a while to answer, so that every worker of a cluster has
some in hand; and what their own books and the ledger say of them.

    fleet = begin(cluster, town, n=24, every_s=2, slow_s=0.3)
    fleet.wait_rounds(2)
    fleet.compare()
"""

import time

from . import behaviours
from .hosts import ALL, WORKERS
from .patience import until

UP = 0  # a verdict, as it is stored
PLACES = tuple(WORKERS)


class Fleet:
    def __init__(self, cluster, town, n=24, every_s=2, slow_s=0.3):
        self.cluster, self.every_s = cluster, every_s
        self.sites = [town.site(f"site{i}", behaviours.slow(slow_s)) for i in range(n)]
        cluster.make_key()
        cluster.apply(sites=[{
            "name": s.name, "url": s.url(), "every": f"{every_s}s", "timeout": "900ms", "method": "GET",
            "locations": list(PLACES),
        } for s in self.sites])

    # ── the sites' own books ──

    def visits(self, host=None, since=0.0):
        """Of the worker on that host; of all of them."""
        return [v for s in self.sites for v in s.visited(since=since) if host is None or v.agent == f"from-{host}"]

    def wait_visits(self, *hosts, n=3, within=15):
        before = {h: len(self.visits(h)) for h in hosts}
        until(lambda: all(len(self.visits(h)) >= before[h] + n for h in hosts), within,
              lambda: f"{n} more visits from each of {hosts}: { {h: len(self.visits(h)) - before[h] for h in hosts} }")

    def silence(self, since):
        """The longest time without any visit, from then until now."""
        times = [since, *sorted(v.at for v in self.visits(since=since)), time.time()]
        return max(b - a for a, b in zip(times, times[1:]))

    # ── the ledger ──

    def lines(self, verdict=None):
        """[(site, place, slot_us, verdict, cause, worker, span)], oldest first."""
        rows = self.cluster.ledger.query(
            """SELECT s.name, p.text, slot_us, verdict, cause, coalesce(w.text, ''), span
               FROM look JOIN site s ON s.id = site_id JOIN word p ON p.id = location_id
               LEFT JOIN word w ON w.id = worker_id ORDER BY slot_us""")
        ours = {s.name for s in self.sites}
        return [r for r in rows if r[0] in ours and verdict in (None, r[3])]

    def _rounds(self, places):
        found = dict(((s, p), n) for s, p, n in self.cluster.ledger.query(
            f"""SELECT s.name, p.text, count(*) FROM look JOIN site s ON s.id = site_id
                JOIN word p ON p.id = location_id WHERE verdict = {UP} GROUP BY s.name, p.text"""))
        return min(found.get((s.name, p), 0) for s in self.sites for p in places)

    def wait_rounds(self, n=1, places=PLACES, within=20):
        """So many more looks at each site from each of the places, all up."""
        before = self._rounds(places)
        until(lambda: self._rounds(places) >= before + n, within + n * self.every_s,
              lambda: f"{n} rounds; {self._rounds(places) - before} so far")

    def not_up(self, since_s=0.0, places=PLACES):
        """Lines about slots of that time and later that are not up; before the first one that was, nobody was there."""
        lines = [x for x in self.lines() if x[1] in places]
        first = {}
        for x in lines:
            if x[3] == UP:
                first.setdefault(x[:2], x[2])
        return [x for x in lines if x[3] != UP and x[2] > max(first[x[:2]], since_s * 1e6)]

    def again(self):
        """Jobs that were given out more than once."""
        return self.cluster.ledger.vitals().get("again", 0)

    def compare(self):
        """{host: (visits, lines)} when no worker runs any more: each visit that a site has in its book should be
        one line of the ledger."""
        lines = self.lines(UP)
        assert len(lines) == len({x[:3] for x in lines}), "a slot has two lines"
        hosts = sorted({v.agent.removeprefix("from-") for v in self.visits()})
        return {h: (len(self.visits(h)), len([x for x in lines if x[5] == h])) for h in hosts}


def begin(cluster, town, **how):
    """All workers look, and each site was seen from each place."""
    fleet = Fleet(cluster, town, **how)
    cluster.start()
    fleet.wait_visits(*ALL)
    fleet.wait_rounds(1)
    return fleet
