"""A program as an older commit has it, built out of this repository's own history.

    commit = oldest_that_joins()      '' where there is no such history, as in a shallow clone
    older.program(commit, "vedette-worker")
"""

import os
import subprocess
from pathlib import Path

from .process import program as system
from .programs import ROOT

PARTS = ("worker", "common", "proto", "Makefile")  # what a worker is made of
FOLDER = Path(os.environ.get("BUILD") or ROOT / "build").resolve() / "older"


def _git(*args):
    try:
        done = subprocess.run([system("git"), "-C", str(ROOT), *args], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def oldest_that_joins():
    """The first commit whose workers read tokens and bring back seals as now, when it has other workers than we have."""
    found = _git("log", "-1", "--format=%H", "--", "common/token.c", "common/token.h", "common/seal.c", "common/seal.h")
    return found if found and _git("diff", "--quiet", found, "--", *PARTS) is None else ""


def program(commit, name):
    tree = FOLDER / commit[:12]
    path = tree / "build/debug/bin" / name
    if not path.exists():
        tree.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run([system("git"), "-C", str(ROOT), "archive", commit], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
        made = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", f"build/debug/bin/{name}"], cwd=tree,
                              capture_output=True, text=True, check=False, timeout=1200,
                              env={k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "BUILD"})
        assert made.returncode == 0, made.stderr[-3000:]
    return path
