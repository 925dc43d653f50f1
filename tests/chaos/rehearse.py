"""One seed, from the script to the five answers."""

import json
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from audit import Excuses, audit
from evidence import US
from faults import MANY, ONE, TABLE
from harness.programs import SANITIZED
from hosts_stage import Hosts
from plan import draw
from stage import OneMachine

FORMS = {ONE: OneMachine, MANY: Hosts}


def plan_of(seed, form, scale, for_s=None, only=None):
    return draw(seed, form, scale, TABLE, FORMS[form].cast, for_s, only)


def rehearse(plan, again, tell=print):
    """{question: findings}; when there are some, the logs are kept, and where is told. `again`: how to do it again."""
    tell(str(plan))
    with FORMS[plan.form](plan, TABLE) as stage:
        try:
            stage.warm_up()
            stage.play()
            stage.settle()
        finally:
            stage.stop()
        ev = stage.evidence()
        found = audit(ev, memory=not SANITIZED)
        tell(summary(ev))
        if found:
            tell(report(plan, ev, found, keep(stage.cluster, ev, plan), again))
    return found


def summary(ev):
    lines = [x for x in ev.lines if x.look == 0]
    (ahead, behind), excused = furthest(ev), 100 * Excuses(ev, "loses").within(ev.began, ev.asked) / (ev.asked - ev.began)
    total, unknown = sum(x.span for x in lines), sum(x.span for x in lines if x.verdict == "unknown")
    return (f"{ev.ended - ev.began:.0f} s, {len(ev.visits)} visits, {total} slots, {unknown} unknown "
            f"({100 - 100 * unknown / max(total, 1):.2f} % coverage; losses are excused for {excused:.0f} % of the time, "
            f"and were {ahead:.1f} s before and {behind:.1f} s after a fault at most), "
            f"{len(ev.incidents)} incidents of {len(ev.failing)} outages, {len(ev.letters)} letters, "
            f"{len(ev.lives)} processes, {len(ev.stalls)} stalls")


def furthest(ev):
    """How far before and after the nearest fault there were losses: what `before` and `after` must allow for."""
    ahead = behind = 0.0
    faults = [t for t in ev.troubles if t.loses]
    for x in ev.lines:
        for at in [x.slot_us / US + i * ev.every for i in range(x.span)] if x.verdict == "unknown" and x.look == 0 else ():
            if not ev.began <= at <= ev.asked - 2 * ev.every or any(t.began <= at <= t.ended for t in faults):
                continue
            b, a = min((t.began - at for t in faults if t.began > at), default=1e9), \
                min((at - t.ended for t in faults if t.ended < at), default=1e9)
            ahead, behind = (max(ahead, b), behind) if b < a else (ahead, max(behind, a))
    return ahead, behind


def keep(cluster, ev, plan):
    """A copy of all that was written, for whoever wants to know why; and all that is known, as JSON."""
    to = Path(tempfile.gettempdir()) / f"vedette-chaos-{plan.form}-{plan.seed}-{int(time.time())}"
    shutil.copytree(cluster.folder, to, ignore=lambda at, names: [n for n in names if (Path(at) / n).is_socket()])
    if hasattr(cluster.ledger, "path"):
        for name in cluster.ledger.path.parent.glob("vedette.db*"):
            shutil.copy2(name, to)
    (to / "evidence.json").write_text(json.dumps(asdict(ev)))
    return to


def report(plan, ev, found, kept, again):
    lines = [f"── seed {plan.seed} ({plan.form}) found something; again: {again}", "── what was done, and when it was over"]
    lines += [f"{t.began - ev.began:7.1f} to {t.ended - ev.began:7.1f} s  {t.what.strip()}" for t in ev.troubles]
    for question, findings in found.items():
        lines += [f"── {question}", *findings]
    return "\n".join([*lines, f"── logs, store and access log: {kept}"])
