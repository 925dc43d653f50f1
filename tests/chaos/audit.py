"""The five questions after a run, answered from the evidence alone (pure): each a function that returns
sentences about what is wrong.

A fault excuses what it can cause, for as long as it can: from `before` seconds before it began (looks were
under way) to `after` seconds after its end. Outside of that nothing is excused.
"""

from collections import Counter, defaultdict
from heapq import heappop, heappush
from itertools import pairwise

from evidence import US

MOST = 8  # findings of one kind that are spelt out
NEAR = 0.3  # seconds by which clocks read in two processes may differ
SLACK = 2.5  # seconds that a process of a busy machine may stand still
ATTEMPTS = 3  # coordinator.attempts


def few(found, what=str):
    found = list(found)
    return [what(x) for x in found[:MOST]] + ([f"... and {len(found) - MOST} more like that"] if len(found) > MOST else [])


class Excuses:
    """The times in which something is excused, of one kind of trouble."""

    def __init__(self, ev, kind, before=None, after=None):
        before, after = (ev.before if before is None else before), (ev.after if after is None else after)
        self.spans = [(t.began - before, t.ended + after, t.places) for t in ev.troubles if getattr(t, kind)]

    def cover(self, at, place=""):
        return any(a <= at <= b and (not places or not place or place in places) for a, b, places in self.spans)

    def clear(self, begin, end, places=()):
        """The longest time of that span which nothing covers that concerns those places."""
        best, at = 0.0, begin
        for a, b, of in sorted(self.spans):
            if of and places and not set(of) & set(places):
                continue
            best = max(best, min(a, end) - at)
            at = max(at, b)
        return max(best, end - at)

    def within(self, begin, end):
        """Seconds of that span that are covered."""
        total, at = 0.0, begin
        for a, b, _ in sorted(self.spans):
            a, b = max(a, at), min(b, end)
            if b > a:
                total, at = total + b - a, b
        return total


def misdated(ev, begin, end):
    """By how much wall times of that span may be off."""
    return max((t.misdates for t in ev.troubles if t.began - ev.before - t.misdates <= end and
                begin <= t.ended + ev.after + t.misdates), default=0.0)


# ── 1. the ledger ────────────────────────────────────────────────────────────


def each_slot_once(ev):
    every_us = round(ev.every * US)
    slots = defaultdict(list)
    for x in ev.lines:
        if x.look == 0:
            slots[x.site, x.place] += [(x.slot_us + i * every_us, x) for i in range(x.span)]
    found = []
    for site, places in ev.places.items():
        for place in places:
            found += _grid(ev, site, place, sorted(slots[site, place], key=lambda s: s[0]), every_us)
    return few(found)


def _grid(ev, site, place, slots, every_us):
    if not slots:
        return [f"site {site} from {place} has no line at all"]
    times = [t for t, _ in slots]
    if len(times) > 1 and (times[-1] - times[0]) % every_us:
        del times[0]  # a new site's first look comes early, beside its grid
    found = [f"site {site} from {place}: after the slot {a / US:.3f} ({a / US - ev.began:.1f} s) comes "
             f"{b / US:.3f}: {(b - a) / every_us:g} intervals" for a, b in pairwise(times) if b - a != every_us]
    late = ev.asked - times[-1] / US
    if late > 2 * ev.every + ev.timeout + SLACK + misdated(ev, ev.asked, ev.asked):
        found.append(f"site {site} from {place}: the last slot is {late:.1f} s old at the end")
    return found


def nothing_lost_without_a_cause(ev):
    excuses = Excuses(ev, "loses")
    lost = [(x, x.slot_us / US + i * ev.every) for x in ev.lines if x.verdict == "unknown" and x.look == 0 for i in range(x.span)]
    until = ev.asked - ev.timeout - SLACK
    wrong = [(x, at) for x, at in lost if ev.began <= at <= until and not excuses.cover(at, x.place)]
    return few(wrong, lambda w: f"site {w[0].site} from {w[0].place}: the slot {w[1] - ev.began:.1f} s is unknown "
                                f"({w[0].cause}, by {w[0].worker or 'nobody'}), and no fault explains it")


def check_ledger(ev):
    return each_slot_once(ev) + nothing_lost_without_a_cause(ev)


# ── 2. incidents ─────────────────────────────────────────────────────────────


def check_incidents(ev):
    by_site, failing = defaultdict(list), {f.site: f for f in ev.failing}
    for i in ev.incidents:
        by_site[i.site].append(i)
    found = [f"site {s}: incident {i.id} from {i.began - ev.began:.1f} s, and no outage was scripted"
             for s, some in by_site.items() if s not in failing for i in some if not _really_away(ev, i)]
    for site, f in failing.items():
        found += _outage(ev, f, by_site[site])
    return few(found)


def _really_away(ev, incident):
    """The targets' process itself did not answer."""
    return any(a - NEAR <= incident.began <= b + NEAR and b - a > ev.timeout for a, b in ev.stalls)


def _outage(ev, f, incidents):
    name = f"site {f.site}, failing ({f.how}) from {f.began - ev.began:.1f} to {f.ended - ev.began:.1f} s"
    if not incidents:
        clear = Excuses(ev, "loses").clear(f.began, f.ended, ev.places[f.site])
        return [] if f.short or clear < ev.confirm + SLACK else [f"{name}: no incident"]
    found = [f"{name}: {len(incidents)} incidents: {[i.id for i in incidents]}"] if len(incidents) > 1 else []
    return found + _times(ev, f, incidents[0], name)


def _times(ev, f, incident, name):
    excuses = Excuses(ev, "loses")
    off = NEAR + misdated(ev, f.began, f.ended)
    least = ev.every + ev.timeout + SLACK

    def late(since, at):
        return at - since > least + off + excuses.within(since, at)

    found = []
    if incident.began < f.began - off or incident.began > f.ended + off:
        found.append(f"{name}: its incident begins at {incident.began - ev.began:.1f} s")
    elif late(f.began, incident.began) and not f.short:
        # A look that failed and could not be confirmed is not its beginning; the next round is.
        if incident.began - f.began > least + ev.confirm + off + excuses.within(f.began, incident.began):
            found.append(f"{name}: its incident begins late, at {incident.began - ev.began:.1f} s")
    if incident.ending != "recovered":
        found.append(f"{name}: its incident is {incident.ending} at the end")
    elif incident.ended < f.ended - off:
        found.append(f"{name}: its incident ends early, at {incident.ended - ev.began:.1f} s")
    elif late(f.ended, incident.ended):
        found.append(f"{name}: its incident ends late, at {incident.ended - ev.began:.1f} s")
    return found


# ── 3. notices ───────────────────────────────────────────────────────────────


def check_notices(ev):
    letters = defaultdict(list)
    for x in ev.letters:
        letters[x.key].append(x)
    found, kinds = [], Counter((n.incident, n.kind) for n in ev.notices)
    for i in ev.incidents:
        want = ["down"] + (["back"] if i.ending == "recovered" else [])
        found += [f"incident {i.id} of site {i.site} has {kinds[i.id, k]} notices of kind {k}" for k in want
                  if kinds[i.id, k] != 1]
    found += [f"notice {n.id}: incident {n.incident} is not known" for n in ev.notices
              if n.incident not in {i.id for i in ev.incidents}]
    found += [f"the letter {k!r} ({x[0].subject}) was received, and no notice has its key" for k, x in letters.items()
              if k not in {n.key for n in ev.notices}]
    for n in ev.notices:
        found += _notice(ev, n, sorted(letters.get(n.key, []), key=lambda x: x.at))
    return few(found)


def _notice(ev, n, letters):
    name = f"notice {n.id} ({n.kind} of incident {n.incident})"
    if n.state == "pending":
        return [f"{name} is still to be sent"]
    if n.state == "failed":
        excused = Excuses(ev, "refuses", 1, SLACK).within(n.created, ev.ended) > 0
        return [] if excused else [f"{name} was given up"]
    if not letters:
        return [f"{name} was sent, as the store has it, and nobody received it"]
    copies = Excuses(ev, "copies", 1, SLACK)
    return [f"{name} came a second time, {b.at - a.at:.1f} s after {a.at - ev.began:.1f} s, for no reason"
            for a, b in pairwise(letters) if copies.within(a.at - 1, b.at) <= 0]


# ── 4. the targets' own books ────────────────────────────────────────────────


def match(ev):
    """(visits that are no line of the ledger, lines "up" that are no visit)"""
    visits, lines = defaultdict(list), defaultdict(list)
    for v in ev.visits:
        visits[v.site, v.worker].append(v)
    for x in ev.lines:
        if x.worker and x.cause not in ("missed", "lost", "held_back"):
            lines[x.site, x.worker].append(x)
    excess, bare = [], []
    for key in visits.keys() | lines.keys():
        e, b = _pair(ev, visits[key], lines[key])
        excess, bare = excess + e, bare + b
    return excess, bare


def _pair(ev, visits, lines):
    """First for those that found the site up, since a look that failed may not have got so far."""
    left, bare = _assign(ev, visits, [x for x in lines if x.verdict == "up"])
    return _assign(ev, left, [x for x in lines if x.verdict != "up"])[0], bare


def _assign(ev, visits, lines):
    """To as many lines as can be a visit each, from when the look began to soon after its end: each visit to the line whose
    time is over first. (visits that are left, lines that have none)"""
    waiting, open_, left, bare = [], [], [], []
    for n, x in enumerate(lines):
        off = misdated(ev, x.slot_us / US, x.at)
        waiting.append((x.at - NEAR - off, n, x.at + x.took + SLACK + off))
    waiting.sort(reverse=True)
    for v in sorted(visits, key=lambda v: v.at):
        while waiting and waiting[-1][0] <= v.at:
            _, n, end = waiting.pop()
            heappush(open_, (end, n))
        while open_ and open_[0][0] < v.at:
            bare.append(heappop(open_)[1])
        if open_:
            heappop(open_)
        else:
            left.append(v)
    return left, [lines[n] for n in [*bare, *(n for _, n in open_), *(n for _, n, _ in waiting)]]


def _excused(ev, excuses, at):
    """Where times are off, which of some visits is the one too many is not known that exactly."""
    off = misdated(ev, at, at)
    return excuses.cover(at) or excuses.within(at - off, at + off) > 0


def check_visits(ev):
    excess, bare = match(ev)
    excuses = Excuses(ev, "repeats")
    wrong = [v for v in excess if ev.began <= v.at <= ev.asked - ev.timeout - SLACK and not _excused(ev, excuses, v.at)]
    # A job that nobody took in time goes out again without any fault of ours; the coordinator counts those.
    counted = sum(n for at, n in ev.again if not excuses.cover(at))
    found = few(wrong, lambda v: f"site {v.site}: {v.worker} came at {v.at - ev.began:.1f} s ({v.answer}), which is no line "
                                 f"of the ledger") if len(wrong) > counted else []
    found += few(bare, lambda x: f"site {x.site}: the ledger says up at {x.at - ev.began:.1f} s by {x.worker}, and nobody came")
    return found + _crowds(ev)


def _crowds(ev):
    """However much is repeated: the attempts of a run, of the scheduled look and of those that confirm."""
    by_site = defaultdict(list)
    for v in ev.visits:
        by_site[v.site].append(v.at)
    failed = {f.site for f in ev.failing} | {x.site for x in ev.lines if x.verdict == "down"}
    found = []
    for site, times in by_site.items():
        runs = 2 * len(ev.places.get(site, ("?",)))  # a late look of one slot and that of the next
        most = ATTEMPTS * runs * (2 * ev.looks + 2 if site in failed else 1)
        times.sort()
        worst = max(sum(1 for t in times[i:i + most + 1] if t < at + ev.every) for i, at in enumerate(times))
        if worst > most:
            found.append(f"site {site} was visited {worst} times within {ev.every:g} s; {most} can be explained")
    return few(found)


# ── 5. the processes ─────────────────────────────────────────────────────────

# Exit codes of one that cannot act, and is started again: the disk is full, the store is locked or another process
# has taken over the part, the database is away.
CANNOT = (12, 13, 16)
MORE_MB, MORE_FDS = 64, 64  # that a process may have at the end beyond half as much again as at the beginning
MOST_MB, MOST_FDS = 600, 5000


def check_processes(ev, memory=True):
    found = []
    for life in ev.lives:
        name = f"{life.name} ({life.pid})"
        if life.alarm:
            found.append(f"{name} said: {life.alarm}")
        if life.ended and life.how == "itself" and not _may_end(ev, life):
            found.append(f"{name} ended by itself with {life.status} at {life.ended - ev.began:.1f} s: {life.last}")
        if life.ended and life.how == "asked" and life.status != 0:
            found.append(f"{name} was asked to end and ended with {life.status}: {life.last}")
        if memory:
            found += _grew(name, "MB", life.rss_mb, MORE_MB, MOST_MB)
        found += _grew(name, "descriptors", life.fds, MORE_FDS, MOST_FDS)
    return few(found)


def _may_end(ev, life):
    """One that could not act, while there was a reason for that."""
    return life.status in CANNOT and Excuses(ev, "loses").cover(life.ended)


def _grew(name, what, samples, more, most):
    """By the medians of the first and the last tenth of its life, and by its worst moment."""
    if len(samples) < 10:
        return []
    values = [v for _, v in samples]
    tenth = max(3, len(values) // 10)
    first, last = sorted(values[:tenth])[tenth // 2], sorted(values[-tenth:])[tenth // 2]
    found = [f"{name} grew from {first:.0f} to {last:.0f} {what}"] if last > 1.5 * first + more else []
    return found + ([f"{name} had {max(values):.0f} {what}"] if max(values) > most else [])


CHECKS = (("ledger", check_ledger), ("incidents", check_incidents), ("notices", check_notices),
          ("visits", check_visits), ("processes", check_processes))


def audit(ev, memory=True):
    """{question: findings}, of those that found something."""
    found = {}
    for name, check in CHECKS:
        said = check(ev, memory) if check is check_processes else check(ev)
        if said:
            found[name] = said
    return found
