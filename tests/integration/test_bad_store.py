"""Stores that are missing, wrong, read-only, full, locked or from the future.

Each ends a command with one sentence and an exit code of its own. A daemon that
meets one while it runs keeps what it has: results wait, and no look is lost.
"""

import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from harness import behaviours as b
from harness.ledger import LedgerInside, fill
from harness.patience import stays, until
from harness.process import Process, program
from harness.programs import BIN, environment, run, vedette
from harness.stories import gapless, quick, rounds

MISSING, READ_ONLY, FULL, LOCKED, NEWER, WRONG, OTHER = range(10, 17)


@pytest.fixture
def store(tmp_path):
    """A store with one site: its path."""
    path = tmp_path / "here" / "v.db"
    path.parent.mkdir()
    sites = tmp_path / "sites.yaml"
    sites.write_text("sites:\n  - {url: 'http://a.test', name: a}\n")
    said = vedette("apply", "--store", f"sqlite:{path}", "-f", sites)
    assert said.status == 0, said
    return path


def one_sentence(said, code, *words):
    assert said.status == code, said
    assert len(said.err.strip().splitlines()) == 1, said
    for w in words:
        assert w in said.err, said


READERS = ["status", "sites", "incidents", "notices", "workers"]


@pytest.mark.parametrize("command", READERS)
def test_missing(tmp_path, command):
    one_sentence(vedette(command, "--store", f"sqlite:{tmp_path}/none.db"), MISSING, "none.db")
    assert not (tmp_path / "none.db").exists(), "looking makes nothing"


@pytest.mark.parametrize("daemon", ["coordinator", "collector"])
def test_missing_for_a_daemon(tmp_path, daemon):
    said = run(f"vedette-{daemon}", "--set", f"store=sqlite:{tmp_path}/none.db", *lanes(tmp_path))
    assert said.status == MISSING, said
    assert "none.db" in said.err


def lanes(folder):
    return [x for lane in ("control", "results", "feed", "feedback", "jobs")
            for x in ("--set", f"endpoint.{lane}=ipc://{folder}/{lane}")]


def test_a_folder_that_does_not_exist(tmp_path):
    sites = tmp_path / "sites.yaml"
    sites.write_text("sites: [http://a.test]\n")
    said = vedette("apply", "--store", f"sqlite:{tmp_path}/no/such/v.db", "-f", sites)
    one_sentence(said, MISSING, "v.db")


def test_a_file_that_is_no_store(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("this is a letter, not a database\n" * 100)
    one_sentence(vedette("status", "--store", f"sqlite:{path}"), WRONG, "text.db")
    assert path.read_text().startswith("this is a letter")


def test_somebody_elses_database(tmp_path):
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE site (name TEXT)")
        db.execute("PRAGMA application_id = 12345")
        db.commit()
    before = path.read_bytes()
    one_sentence(vedette("status", "--store", f"sqlite:{path}"), WRONG)
    sites = tmp_path / "sites.yaml"
    sites.write_text("sites: [http://a.test]\n")
    assert vedette("apply", "--store", f"sqlite:{path}", "-f", sites).status == WRONG
    assert path.read_bytes() == before, "it is left alone"


@pytest.mark.parametrize("url", ["postgres://x", "v.db", "sqlite:", ""])
def test_a_url_that_names_no_store(url, tmp_path):
    one_sentence(vedette("status", "--store", url), WRONG)
    one_sentence(vedette("up", "--store", url), WRONG)
    for daemon in ("coordinator", "collector"):
        one_sentence(run(f"vedette-{daemon}", "--set", f"store={url}", *lanes(tmp_path)), WRONG)
    config = tmp_path / "vedette.yaml"
    config.write_text(f"log: {{level: info}}\nstore: '{url}'\n")
    one_sentence(vedette("sites", "--config", config), WRONG, f"{config}:2")


def test_newer(store):
    with closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA user_version = 999")
        db.commit()
    one_sentence(vedette("status", "--store", f"sqlite:{store}"), NEWER, "999")
    said = run("vedette-collector", "--set", f"store=sqlite:{store}", *lanes(store.parent))
    assert said.status == NEWER, said


def test_locked(store, tmp_path):
    sites = tmp_path / "more.yaml"
    sites.write_text("sites: [http://b.test]\n")
    with closing(sqlite3.connect(store, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        said = vedette("apply", "--store", f"sqlite:{store}", "-f", sites)
        db.execute("ROLLBACK")
    one_sentence(said, LOCKED)
    assert vedette("apply", "--store", f"sqlite:{store}", "-f", sites).status == 0


def in_own_mounts(script, *args):
    """A shell line in a mount namespace of its own; "$@" are args."""
    return [program("unshare"), "-rm", "sh", "-c", script, "sh", *map(str, args)]


def may_mount():
    return subprocess.run(in_own_mounts("mount -t tmpfs none /mnt"), capture_output=True, check=False).returncode == 0


mounts = pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount anything")


@mounts
def test_read_only(store, tmp_path):
    sites = tmp_path / "more.yaml"
    sites.write_text("sites: [http://b.test]\n")
    folder = store.parent
    freeze = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && exec \"$@\""
    said = run(*in_own_mounts(freeze, BIN / "vedette", "apply", "--store", f"sqlite:{store}", "-f", sites))
    one_sentence(said, READ_ONLY)
    said = run(*in_own_mounts(freeze, BIN / "vedette-collector", "--set", f"store=sqlite:{store}", *lanes(tmp_path)))
    assert said.status == READ_ONLY, said


@mounts
def test_full(tmp_path):
    sites = tmp_path / "many.txt"
    sites.write_text("".join(f"http://site-{i}.test/{'x' * 100}\n" for i in range(20000)))
    small = tmp_path / "small"
    small.mkdir()
    said = run(*in_own_mounts(
        f"mount -t tmpfs -o size=600k none {small} && exec \"$@\"",
        BIN / "vedette", "apply", "--store", f"sqlite:{small}/v.db", "-f", sites,
    ))
    one_sentence(said, FULL)


@pytest.mark.long
@mounts
def test_full_for_a_while_loses_no_look(cluster, village):
    """The disk fills up under a running system, and is freed again."""
    shop = village.site("shop", b.healthy())
    small = cluster.folder / "small"
    small.mkdir()
    cluster.store_path = small / "v.db"
    cluster.settings["store"] = f"sqlite:{small}/v.db"
    cluster.write_config()
    sites = cluster.folder / "sites.yaml"
    sites.write_text(f"sites: [{{url: '{shop.url()}', name: shop, every: 500ms, timeout: 400ms}}]\n")
    cluster.supervisor = Process(
        "up",
        in_own_mounts(
            f"mount -t tmpfs -o size=2m none {small} && exec \"$@\"",
            BIN / "vedette", "up", "--config", cluster.config, "--sites", sites,
        ),
        cluster.folder / "up.log", env=environment(), out=cluster.folder / "up.out",
    )
    inside = Path(f"/proc/{cluster.supervisor.pid}/root{small}")
    enter = [program("nsenter"), "-t", str(cluster.supervisor.pid), "-U", "-m", "--preserve-credentials"]
    cluster.ledger = LedgerInside(small / "v.db", enter)
    until(lambda: cluster.ledger.count("shop") >= 3, 15, cluster.supervisor.said)

    filler = inside / "filler"
    fill(filler)
    stuck = cluster.ledger.count("shop")
    cluster.supervisor.says(r"full|space", within=15)
    stays(cluster.supervisor.alive, 3, "it goes on while the disk is full")
    assert cluster.ledger.count("shop") <= stuck + 40, "what does not fit is not stored"
    assert set(cluster.children().values()) == {"coordinator", "collector", "worker"}
    filler.unlink()
    rounds(cluster, "shop", 6, "up", within=30)
    gapless(cluster, "shop")
    nothing_invented(cluster.ledger)

    # Stopped while it is full: what could not be recorded is said, and the status tells it.
    fill(filler)
    until(lambda: "disk is full" in inside_status(cluster), 30, lambda: inside_status(cluster))
    until(lambda: cluster.supervisor.said().count("keeper.store_away") >= 2, 30, cluster.supervisor.said)
    os.kill(cluster.supervisor.pid, signal.SIGTERM)
    assert cluster.supervisor.ended(30) == FULL, cluster.supervisor.said()
    assert re.search(r"collector\.left_behind results=\d+ messages=\d+: .*not recorded", cluster.supervisor.said())


def inside_status(cluster):
    """`vedette status` where the daemons are."""
    done = subprocess.run([*cluster.ledger.enter, str(BIN / "vedette"), "status", "--config", str(cluster.config)],
                          capture_output=True, text=True, check=False, timeout=60, env=environment())
    return done.stdout + done.stderr


def nothing_invented(ledger):
    """Looks that waited are stored; while one waits, the next ones are counted as missed, and no more than that."""
    looks = ledger.looks("shop")
    assert {x.verdict for x in looks} <= {"up", "unknown"}, looks
    assert {x.cause for x in looks} <= {"none", "missed"}, looks


def test_locked_for_a_while_loses_no_look(cluster, village):
    shop = village.site("shop", b.healthy())
    cluster.apply(sites=[quick("shop", shop.url())])
    cluster.start()
    rounds(cluster, "shop", 2)
    asked = len(shop.visits)

    def hold():
        with closing(sqlite3.connect(cluster.store_path, isolation_level=None, timeout=30)) as db:
            db.execute("BEGIN IMMEDIATE")
            time.sleep(7)  # longer than anybody waits for a lock
            db.execute("ROLLBACK")

    holder = threading.Thread(target=hold)
    holder.start()
    shop.wait_visits(asked + 8)
    holder.join()
    rounds(cluster, "shop", 4, "up", within=25)
    gapless(cluster, "shop")
    nothing_invented(cluster.ledger)
