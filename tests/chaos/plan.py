"""What a seed means: which sites fail when, and which faults come, as two lists (pure).

    plan = draw(seed, "one", SHORT, FAULTS, CAST)
    print(plan)

The same seed, form, scale and table give the same plan. Times are seconds from the moment at which all
sites have been seen up.
"""

import random
from dataclasses import dataclass, field, replace

HOW_SITES_FAIL = ("503", "close", "hang")


@dataclass(frozen=True)
class Scale:
    """How large and how long a run is."""

    sites: int
    for_s: float
    every_s: float
    timeout_s: float
    within_s: float  # for confirming
    looks: int
    outages: int
    lasting: tuple  # of an outage, in times of what it takes to confirm one
    quiet_s: tuple  # between two blows, from and to
    stretch: float  # of the faults' own lengths
    settle_s: float  # for everything to be in order again after the last fault
    settings: dict = field(default_factory=dict)

    @property
    def confirm_s(self):
        """From the beginning of an outage to its incident at the latest, while nothing else is wrong."""
        return self.every_s + self.within_s + 2 * self.timeout_s + 2


SHORT = Scale(sites=60, for_s=12, every_s=1, timeout_s=0.8, within_s=1, looks=2, outages=12, lasting=(1.2, 2),
              quiet_s=(3, 8), stretch=0.4, settle_s=60)
SMALL = replace(SHORT, for_s=50, outages=15, quiet_s=(7, 14), stretch=0.7)
LONG = Scale(sites=1000, for_s=120, every_s=5, timeout_s=2, within_s=3, looks=2, outages=90, lasting=(2, 4),
             quiet_s=(5, 16), stretch=1.0, settle_s=120)


@dataclass(frozen=True)
class Outage:
    site: int
    at: float
    until: float
    how: str
    short: bool  # it may pass unseen

    def __str__(self):
        return f"{self.at:7.1f} s  {'blip' if self.short else 'outage'} of site {self.site} for " \
               f"{self.until - self.at:.1f} s: {self.how}"


@dataclass(frozen=True)
class Blow:
    at: float
    fault: str
    whom: tuple  # of whom the fault is, as many as it wants
    for_s: float
    amount: float = 0

    def __str__(self):
        length = f" for {self.for_s:.1f} s" if self.for_s else ""
        amount = f" by {self.amount:g}" if self.amount else ""
        return f"{self.at:7.1f} s  {self.fault} {' '.join(self.whom)}{amount}{length}"


@dataclass(frozen=True)
class Plan:
    seed: int
    form: str
    scale: Scale
    outages: list
    blows: list

    def __str__(self):
        lines = [f"seed {self.seed}, {self.form}: {self.scale.sites} sites every {self.scale.every_s:g} s for "
                 f"{self.scale.for_s:g} s, {len(self.outages)} outages"]
        return "\n".join([*lines, *map(str, sorted(self.blows, key=lambda x: x.at))])

    def whom(self, fault):
        """Everybody whom this fault hits some time."""
        return {w for x in self.blows if x.fault == fault for w in x.whom}


def draw(seed, form, scale, table, cast, for_s=None, only=None):
    """`table`: rows with name, forms, weight, length (from, to in seconds), whom (roles); `cast`: {role: names}.
    `only`: names of the faults that may come."""
    scale = replace(scale, for_s=for_s) if for_s else scale
    rng = random.Random(f"{seed} {form}")
    rows = [x for x in table if form in x.forms and x.possible and (not only or x.name in only)]
    return Plan(seed, form, scale, _outages(rng, scale), _blows(rng, scale, rows, cast))


def _outages(rng, scale):
    """Each of another site: some one by one, some at the same moment."""
    sites = rng.sample(range(1, scale.sites + 1), min(scale.outages, scale.sites // 2))
    found = []
    while sites:
        together = min(len(sites), rng.choice((1, 1, 1, 3, scale.outages // 6 or 1)))
        at, short = rng.uniform(0, 0.75 * scale.for_s), rng.random() < 0.15
        length = rng.uniform(0.3, scale.within_s) if short else rng.uniform(*scale.lasting) * scale.confirm_s
        for site in sites[:together]:
            found.append(Outage(site, round(at, 2), round(at + length, 2), rng.choice(HOW_SITES_FAIL), short))
        del sites[:together]
    return sorted(found, key=lambda x: (x.at, x.site))


def _blows(rng, scale, rows, cast):
    """One, two or three at a time, of different people; then it is quiet for a while."""
    blows, at = [], rng.uniform(0.5, 2)
    while at < scale.for_s:
        taken, longest = set(), 0.0
        for _ in range(rng.choice((1, 1, 2, 3))):
            row = rng.choices(rows, [x.weight for x in rows])[0]
            whom = tuple(rng.choice(cast[role]) for role in row.whom)
            length = round(rng.uniform(*row.length) * scale.stretch, 1)
            start = round(at + rng.uniform(0, 1.5), 1)
            if taken & {row.name, *whom} or len(set(whom)) < len(whom):
                continue
            taken |= {row.name, *whom}
            blows.append(Blow(start, row.name, whom, length, rng.choice(row.amounts)))
            longest = max(longest, start - at + length)
        at += longest + rng.uniform(*scale.quiet_s)
    return blows
