"""The command line is a contract: help, JSON, manual pages, exit codes."""

import json
import os
import pty
import re
import select
import sqlite3
import subprocess

import pytest

from harness import behaviours as b
from harness.cluster import Cluster
from harness.misbehave import Village
from harness.patience import until
from harness.process import program
from harness.programs import BIN, ROOT, environment, run, vedette
from harness.stories import owner, quick, rounds

COMMANDS = ["check", "up", "apply", "status", "sites", "incidents", "workers", "notices", "explain", "watch", "plan", "store"]
DAEMONS = ["vedette-coordinator", "vedette-worker", "vedette-collector"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command):
    said = vedette(command, "--help")
    assert said.status == 0, said
    assert f"vedette {command}" in said.out and "Usage" in said.out
    assert len(said.out.splitlines()) > 8
    assert vedette("help", command).out == said.out


def test_the_list_of_commands_names_each():
    said = vedette("--help")
    assert said.status == 0
    for c in COMMANDS:
        assert re.search(rf"^  {c} ", said.out, re.M), c


@pytest.mark.parametrize("daemon", DAEMONS)
def test_daemons_help_and_version(daemon):
    said = run(daemon, "--help")
    assert said.status == 0 and "--config" in said.out
    assert re.match(r"\S*vedette\S* \d+\.\d+\.\d+", run(daemon, "--version").out)


def test_version():
    assert re.match(r"vedette \d+\.\d+\.\d+\n", vedette("--version").out)


def test_wrong_usage():
    assert vedette().status == 1
    said = vedette("chekc")
    assert said.status == 1 and "check" in said.err
    assert vedette("check").status == 1
    assert vedette("check", "--no-such-option").status == 1
    assert vedette("check", "--timeout", "soon", "http://a.test").status == 1
    assert vedette("explain").status == 1


def test_settings_can_be_listed():
    said = run("vedette-worker", "--settings")
    assert said.status == 0
    for name in ("store", "worker.slots", "mail.server", "endpoint.control"):
        assert name in said.out


@pytest.fixture(scope="module")
def lived(world):
    """A cluster with a past: one site up, one down, one paused, notices, two workers."""
    village = Village(world.resolver, world.background)
    with Cluster(world) as c:
        good, bad = village.site("good", b.healthy()), village.site("bad", b.status(503))
        c.apply(
            owners=[owner("us", "console:")],
            sites=[quick("good", good.url(), owner="us", tags=["prod", "shop"]), quick("bad", bad.url(), owner="us"),
                   quick("resting", good.url("/resting"), owner="us", paused=True)],
        )
        c.start(workers=("anna", "bert"))
        c.wait_health("bad", "down")
        rounds(c, "good", 2)
        until(lambda: c.ledger.told("bad", "down"), 10, "the notice is sent")
        until(lambda: len(c.ledger.workers()) == 2, 10, "vitals name both workers")
        yield c
    village.close()


@pytest.mark.parametrize("command", ["status", "sites", "incidents", "workers", "notices"])
def test_every_list_in_json_and_for_people(lived, command):
    found = lived.ask(command)
    assert found and all(isinstance(x, dict) for x in found)
    text = lived.cli(command)
    assert text.status == 0 and text.out.strip()
    assert "\x1b" not in text.out
    with pytest.raises(ValueError):
        json.loads(text.out)


def test_what_the_lists_say(lived):
    sites = {s["name"]: s for s in lived.ask("sites")}
    assert sites["good"]["health"] == "up" and sites["bad"]["health"] == "down"
    assert sites["resting"]["paused"] is True
    assert sites["good"]["url"].endswith("/") and sites["bad"]["owner"] == "us"
    (incident,) = lived.ask("incidents")
    assert incident["site"] == "bad" and incident["cause"] == "http_5xx"
    (notice,) = lived.ask("notices")
    assert notice["kind"] == "down" and notice["state"] == "sent"
    workers = lived.ask("workers")
    assert {w["worker"] for w in workers} == {"anna", "bert"}
    (status,) = lived.ask("status")
    text = json.dumps(status)
    for word in ("coverage", "up", "down", "paused"):
        assert word in text, status


def test_explain(lived):
    said = lived.cli("explain", "bad")
    assert said.status == 0
    for word in ("bad", "503", "down", "us"):
        assert word in said.out, said
    (why,) = lived.ask("explain", "bad")
    assert "http_5xx" in json.dumps(why)
    said = lived.cli("explain", "no-such-site")
    assert said.status == 1 and "no-such-site" in said.err


def test_apply_shows_the_difference_and_dry_run_changes_nothing(lived):
    path = lived.folder / "other.yaml"
    path.write_text("sites:\n  - {url: 'http://new.test', name: new}\n")
    said = lived.cli("apply", "-f", path, "--dry-run", "--prune")
    assert said.status == 0
    for name in ("new", "good", "bad"):
        assert name in said.out, said
    assert {s["name"] for s in lived.ask("sites")} == {"good", "bad", "resting"}


def test_apply_twice_changes_nothing(lived):
    again = lived.cli("apply", "-f", lived.folder / "sites.yaml")
    assert again.status == 0
    assert lived.ledger.one("SELECT change FROM meta") == 1, again


def test_a_progress_bar_on_a_terminal_only(world, village):
    """A long list on a terminal: rate and time left, and none of it in a pipe."""
    sites = [village.site(f"s{i}", b.slow(0.3)) for i in range(60)]
    urls = [s.url() for s in sites]
    args = [BIN / "vedette", "check", "--concurrency", "5", "--resolver", world.resolver.address, *urls]
    quiet = run(*args)
    assert quiet.status == 0 and "\r" not in quiet.err and "\x1b" not in quiet.err

    main, sub = pty.openpty()
    p = subprocess.Popen([str(a) for a in args], stdin=sub, stdout=sub, stderr=sub, env=environment(TERM="xterm"))
    os.close(sub)
    shown = b""
    while select.select([main], [], [], 60)[0]:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(main)
    assert p.wait(10) == 0
    text = shown.decode("utf-8", "replace")
    assert re.search(r"/s\b", text) and re.search(r"\d+ ?%|\d+/60", text), text[:2000]


# ── manual pages and completion ──────────────────────────────────────────────


def test_each_command_and_file_has_a_manual_page():
    pages = {p.name for p in (ROOT / "deploy/man").glob("*.[1-8]")}
    assert "vedette.1" in pages
    assert {f"vedette-{c}.1" for c in COMMANDS} <= pages or all(
        c in (ROOT / "deploy/man/vedette.1").read_text() for c in COMMANDS
    )
    assert {"vedette-coordinator.8", "vedette-worker.8", "vedette-collector.8"} <= pages
    assert {"vedette.yaml.5", "sites.yaml.5"} <= pages


def test_manual_pages_have_no_mistakes():
    for page in sorted((ROOT / "deploy/man").glob("*.[1-8]")):
        done = subprocess.run(
            [program("man"), "--warnings", "-E", "UTF-8", "-l", "-Tutf8", str(page)],
            capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}, timeout=30,
        )
        assert done.returncode == 0 and not done.stderr.strip(), (page, done.stderr)
        text = re.sub(".\b", "", done.stdout)  # bold is written as a letter, a backspace and the letter
        assert "NAME" in text and len(text.splitlines()) > 15, page


def test_completion_knows_the_commands():
    script = ROOT / "deploy/completion/vedette"
    ask = f"""
        source {script}
        complete -p vedette >/dev/null || exit 9
        fn=$(complete -p vedette | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
        COMP_WORDS=(vedette "") COMP_CWORD=1 COMP_LINE="vedette " COMP_POINT=8
        $fn vedette "" vedette
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, env=environment(), timeout=20)
    assert done.returncode == 0, done.stderr
    assert set(COMMANDS) <= set(done.stdout.split()), done.stdout


def test_every_url_that_cannot_be_looked_at_is_told():
    said = vedette("check", "http://ok.test/", "http://127.0.0.1:0/", "http://a:b@h/")
    assert said.status == 1 and not said.out
    lines = said.err.splitlines()
    assert len(lines) == 3 and "http://127.0.0.1:0/" in lines[0] and "user or password" in lines[1], said
    assert "a:b" not in said.err  # nobody else shall read it


def test_apply_tells_of_ports_that_workers_refuse(tmp_path):
    path = tmp_path / "sites.txt"
    path.write_text("http://127.0.0.1:587/\nhttp://127.0.0.1:8080/\n")
    args = ["apply", "--dry-run", "--store", f"sqlite:{tmp_path}/x.db", "-f", path]
    said = vedette(*args)
    assert said.status == 0 and said.err.count("note:") == 1 and "587" in said.err, said
    assert "note:" not in vedette(*args, "--set", "worker.allow=127.0.0.0/8").err


def test_workers_of_a_cluster_that_ended_are_not_ready(lived, tmp_path):
    """What the store says of them is old: here, by moving its clock back."""
    copy = tmp_path / "old.db"
    with sqlite3.connect(lived.ledger.path) as now, sqlite3.connect(copy) as old:
        now.backup(old)
        old.execute("UPDATE worker SET heard_us = heard_us - 60000000, health = 0")
    args = ["--store", f"sqlite:{copy}", "--json"]
    assert {w["health"] for w in vedette("workers", *args).lines()} == {"silent"}
    (status,) = vedette("status", *args).lines()
    assert status["workers"]["ready"] == 0 and status["workers"]["silent"] == 2, status
    assert "2 silent" in vedette("status", *args[:2]).out


def test_a_misspelt_option_or_value_is_met_halfway(lived):
    said = lived.cli("sites", "--ownr", "us")
    assert said.status == 1 and "--owner" in said.err, said
    said = vedette("watch", "--only", "pulses")
    assert said.status == 1 and "did you mean 'pulse'" in said.err and "incident, notice" in said.err, said
    said = lived.cli("sites", "--health", "foo")
    assert said.status == 1 and "suspected" in said.err and "paused" in said.err, said
    said = lived.cli("sites", "--owner", "uss")
    assert said.status == 1 and "'uss'" in said.err and "'us'" in said.err, said


# ── Standard descriptors ─────────────────────────────────────────────────────


def closed(*args, fds=()):
    """One call with descriptors closed before it begins; its exit status and what it said."""

    def close():
        for fd in fds:
            os.close(fd)

    done = subprocess.run(
        [str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=close, timeout=30,
        env=environment(),
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("fds", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_closed_standard_descriptor_is_no_reason_to_die(fds):
    status, err = closed(BIN / "vedette", "check", "http://127.0.0.1:1/", fds=fds)
    assert status == 2, err
    status, err = closed(BIN / "vedette-worker", "--set", "nonsense=1", fds=fds)
    assert status == 1, err


@pytest.mark.parametrize(
    "args", [["vedette", "--help"], ["vedette", "--version"], ["vedette", "check", "--help"],
             ["vedette", "check", "--json", "http://127.0.0.1:1/"], ["vedette-worker", "--settings"],
             ["vedette-worker", "--version"]], ids=" ".join)
def test_what_could_not_be_written_is_told(args):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN / args[0], *args[1:]], stdout=full, stderr=subprocess.PIPE, env=environment(),
                              timeout=30, check=False)
    assert done.returncode != 0 and b"No space left on device" in done.stderr, done


def test_a_daemons_own_options_are_settings():
    said = run("vedette-worker", "--threads", "257")
    assert said.status == 1 and "--threads" in said.err and "worker.threads" in said.err
    options = set(re.findall(r"--([a-z]+)=", run("vedette-worker", "--help").out))
    assert "threads" in options
    page = (ROOT / "deploy/man/vedette-worker.8").read_text()
    for name in options:
        assert "\\-\\-" + name in page, name


def test_watching_where_nobody_is(tmp_path):
    """It says so, and with --for it ends with a status that a script can ask."""
    endpoint = f"ipc://{tmp_path}/feed"
    said = vedette("watch", "--for", "300ms", "--set", f"endpoint.feed={endpoint}")
    assert said.status == 1 and said.out == "" and "nothing answers at " + endpoint in said.err, said
    said = vedette("status", "--feed", "--set", f"endpoint.feed={endpoint}")
    assert said.status == 1 and said.out == "" and "nothing answers at " + endpoint in said.err, said
