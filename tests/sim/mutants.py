#!/usr/bin/python3
"""Shows that the simulation finds what it should: plants mistakes in copies of the daemons' files.

    mutants.py names                       of all, or with --quick of those that few seeds find
    mutants.py write NAME FOLDER           the files with the mistake in them
    mutants.py hunt FOLDER SEEDS NAME...   plays FOLDER/NAME/sim until a seed finds it; exits with 1 where one is
                                           not found

A pattern that does not stand exactly once in its file is an error: the file has changed, and so must this.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# name: the mistake in words, and for each change: file, what stands there, what is planted.
MUTANTS = {
    "early-ack": ("results are acknowledged before they are committed", [(
        "collector/keeper.c", "    int r = batch_commit(&k->batch, k->store, &why);",
        "    acknowledge(k);\n    int r = batch_commit(&k->batch, k->store, &why);")]),
    "forgotten-leases": ("what a lane had in hand is forgotten when it is gone, or has come back", [(
        "coordinator/lease.c",
        "        lease_set_holder(l, r, LEASE_NOBODY);\n"
        "        heap_set(&l->timers, &r->timer, now + LEASE_SETTLE_NS);",
        "        (void)now;\n        end_run(l, r, CAUSE_NONE);")]),
    "stale-vote": ("a vote of an earlier round counts in this one", [(
        "collector/judge.c", "    if (!round || round->confirmed || round->slot_us != r->run.slot_us)",
        "    if (!round || round->confirmed)")]),
    "older-overwrites": ("a late result of an older slot moves the state", [(
        "collector/judge.c", "    if (slot <= w->state.last_slot_us || (slot", "    if (slot == w->state.last_slot_us || (slot")]),
    "votes-twice": ("a second result of a confirming look is a second vote", [(
        "collector/quorum.c",
        "    if (look == 0 || look > QUORUM_MAX_LOOKS || q->look[look].vote != LOOK_OPEN)\n        return false;",
        "    while (look > 0 && look < QUORUM_MAX_LOOKS && q->look[look].vote != LOOK_OPEN)\n        look++;\n"
        "    if (look == 0 || look > QUORUM_MAX_LOOKS || q->look[look].vote != LOOK_OPEN)\n        return false;")]),
    "no-attempts": ("neither attempts nor the run's own time bound its repeats", [(
        "coordinator/lease.c", "    if (r->attempts >= l->rules.attempts || now >= r->run.until ||", "    if (")]),
    "one-witness": ("two looks of the same worker are two votes, and it may have both", [
        ("collector/judge.c", "    return repeated ? VERDICT_UNKNOWN : v;", "    (void)repeated;\n    return v;"),
        ("worker/intake.c", "    if (j->avoid && j->avoid[0] && strcmp(j->avoid, l->name) == 0)", "    if (false)")]),
    "unknown-is-down": ("a look that saw nothing counts as one that failed", [(
        "collector/quorum.c", "verdict == VERDICT_DOWN ? LOOK_DOWN : LOOK_UNKNOWN;", "LOOK_DOWN;")]),
    "told-outside": ("notices are not in the transaction that they belong to", [(
        "collector/batch.c", "        .n_notices = b->n_notices,", "        .n_notices = 0,")]),
    "old-holes": ("what is in arrears does not count as owed", [(
        "coordinator/parts.c", "arrears_oldest_slot(p->arrears) };", "WALL_NEVER };")]),
    "young-first-job": ("the first jobs of an epoch are young, however long they lay", [(
        "worker/line.c", "    if (c->stamp_ms)", "    if (false)")]),
    "lost-heir": ("a slot that the next one displaces is not reported", [(
        "coordinator/lease.c",
        "    if (has_heir(r))\n        lease_put_end(l, &r->heir, r, CAUSE_MISSED);\n    set_heir(l, r, run);",
        "    set_heir(l, r, run);")]),
    "orphan-notices": ("notices that a collector left pending are not sent by the next", [(
        "collector/postbox.c", "    p->behind = true; /* whoever was here before may have left some */", "")]),
    "sent-is-done": ("the coordinator's own reports are not repeated until they are recorded", [(
        "coordinator/accounts.c", "    *ret = l->account;\n    return true;",
        "    *ret = l->account;\n    drop(a, l);\n    return true;")]),
}

QUICK = ["early-ack", "forgotten-leases", "no-attempts", "older-overwrites", "told-outside", "one-witness",
         "sent-is-done", "unknown-is-down", "lost-heir", "old-holes", "orphan-notices"]


def write(name, folder):
    """A file may have several changes."""
    texts = {}
    for path, there, planted in MUTANTS[name][1]:
        text = texts.get(path) or open(path).read()
        if text.count(there) != 1:
            sys.exit(f"mutants.py: {name}: it stands {text.count(there)} times in {path}:\n{there}")
        texts[path] = text.replace(there, planted)
    for path, text in texts.items():
        with open(os.path.join(folder, os.path.basename(path)), "w") as f:
            f.write(text)


def hunt(folder, seeds, name):
    """The seed that finds it, and what it says; None."""
    try:
        said = subprocess.run([os.path.join(folder, name, "sim"), "--seeds", seeds, "--enough", "1"],
                              capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        return None
    found = re.search(r"^seed (\d+): (.*)$", said.stdout, re.M)
    if found:
        return found.groups()
    return ("?", f"ended with {said.returncode}: {said.stderr.strip()[-100:]}") if said.returncode not in (0, 1) else None


def main(words):
    if words[0] == "names":
        print(" ".join(QUICK if words[1:] == ["--quick"] else MUTANTS))
        return 0
    if words[0] == "write":
        write(words[1], words[2])
        return 0
    folder, seeds, names = words[1], words[2], words[3:]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda name: hunt(folder, seeds, name), names))
    for name, by in zip(names, found):
        print(f"{name:18} {MUTANTS[name][0]}\n{'':18} " + (f"seed {by[0]}: {by[1]}" if by else f"NOT FOUND in {seeds} seeds"))
    print(f"{sum(by is not None for by in found)} of {len(names)} planted mistakes found")
    return 0 if all(found) else 1


sys.exit(main(sys.argv[1:]))
