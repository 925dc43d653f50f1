"""The units, users and kernel settings as they are in the repository: what systemd thinks of them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.process import program
from harness.programs import BIN, ROOT, environment

SYSTEMD = ROOT / "deploy/systemd"
DAEMONS = ("coordinator", "collector", "worker")
EXPOSED_AT_MOST = 1.5  # what `systemd-analyze security` says; 0 is best, from 2.5 on we would not ship it


def said(*words, **how):
    done = subprocess.run([program(words[0]), *map(str, words[1:])], capture_output=True, text=True, timeout=60, **how)
    return done.returncode, done.stdout + done.stderr


def lines(name):
    """[(setting, value)] of a unit."""
    text = (SYSTEMD / f"vedette-{name}.service").read_text()
    return [tuple(line.split("=", 1)) for line in text.splitlines() if re.match(r"\w+=", line)]


def setting(name, key):
    return [v for k, v in lines(name) if k == key]


@pytest.fixture(params=DAEMONS)
def unit(request, tmp_path):
    """(daemon, unit file) as `make install` writes it, with programs that are there."""
    bin = tmp_path / "bin"
    bin.mkdir()
    for program_ in ("vedette", f"vedette-{request.param}"):
        (bin / program_).symlink_to(BIN / program_)
    text = (SYSTEMD / f"vedette-{request.param}.service").read_text()
    file = tmp_path / f"vedette-{request.param}.service"
    file.write_text(text.replace("@PREFIX@", str(tmp_path)))
    return request.param, file


def test_systemd_understands_every_line(unit):
    status, words = said("systemd-analyze", "verify", "--man=no", unit[1])
    ours = [line for line in words.splitlines() if unit[1].stem in line]
    assert status == 0 and not ours, words


def test_little_is_left_to_take(unit):
    status, words = said("systemd-analyze", "security", "--offline=true", "--no-pager",
                         f"--threshold={int(EXPOSED_AT_MOST * 10)}", unit[1])
    assert status == 0, words
    assert re.search(rf"exposure level for {unit[1].name}: [0-9.]+ OK", words), words


@pytest.mark.parametrize("name", DAEMONS)
def test_it_is_watched_and_started_again(name):
    assert setting(name, "Type") == ["notify"] and setting(name, "Restart") == ["on-failure"]
    assert 10 <= int(setting(name, "WatchdogSec")[0]) <= 60
    # With RestartSec=1 systemd would give up after five tries, and a disk that was full for a minute needs sixty.
    assert setting(name, "StartLimitIntervalSec") == ["0"]
    assert setting(name, "CapabilityBoundingSet") == [""] and setting(name, "AmbientCapabilities") == [""]


def test_the_worker_cannot_read_what_is_not_its_own():
    assert setting("worker", "User") != setting("collector", "User") == setting("coordinator", "User")
    assert setting("worker", "StateDirectory") != setting("collector", "StateDirectory")
    assert "/etc/vedette/vedette.yaml" not in setting("worker", "ExecStart")[0]


@pytest.mark.parametrize("name", DAEMONS)
def test_users_and_folders_are_made_for_it(name):
    user = setting(name, "User")[0]
    assert re.search(rf"^u {user} - ", (SYSTEMD / f"{user}.sysusers").read_text(), re.M)
    tmpfiles = (SYSTEMD / f"{user}.tmpfiles").read_text()
    folder, mode = f"/var/lib/{setting(name, 'StateDirectory')[0]}", setting(name, "StateDirectoryMode")[0]
    assert re.search(rf"^d {folder} {mode} {user} {user} ", tmpfiles, re.M), tmpfiles
    config = setting(name, "ExecStart")[0].split()[-1]
    assert setting(name, "ConditionPathExists") == [config]
    assert re.search(rf"^z {config} 0640 root {user} ", tmpfiles, re.M), tmpfiles


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_users_and_folders_as_systemd_makes_them(tmp_path):
    for folder in ("etc/vedette", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("vedette.yaml", "worker.yaml"):
        (tmp_path / "etc/vedette" / file).write_text("")
    for user in ("vedette", "vedette-worker"):
        for what in ("sysusers", "tmpfiles"):
            (tmp_path / f"usr/lib/{what}.d/{user}.conf").write_text((SYSTEMD / f"{user}.{what}").read_text())
    for command in ("systemd-sysusers", "systemd-tmpfiles"):
        create = ["--create"] if command.endswith("tmpfiles") else []
        status, words = said(command, f"--root={tmp_path}", *create)
        assert status == 0, words
    uid = {line.split(":")[0]: int(line.split(":")[2]) for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    gid = {line.split(":")[0]: int(line.split(":")[2]) for line in (tmp_path / "etc/group").read_text().splitlines()}
    for path, owner, group, mode in (
        ("var/lib/vedette", "vedette", "vedette", 0o750),
        ("var/lib/vedette-worker", "vedette-worker", "vedette-worker", 0o700),
        ("etc/vedette/vedette.yaml", None, "vedette", 0o640),
        ("etc/vedette/worker.yaml", None, "vedette-worker", 0o640),
    ):
        is_ = (tmp_path / path).stat()
        assert (is_.st_uid, is_.st_gid, is_.st_mode & 0o777) == (uid[owner] if owner else 0, gid[group], mode), path


def test_descriptors_suffice_for_the_default_settings():
    """worker.slots in each of 64 threads, and the two descriptors of a look that is being resolved."""
    slots = int(re.search(r"^  slots: (\d+)", (ROOT / "deploy/config/vedette.yaml").read_text(), re.M)[1])
    assert int(setting("worker", "LimitNOFILE")[0]) >= 64 * slots


def test_this_kernel_knows_the_kernel_settings():
    for line in (ROOT / "deploy/sysctl.d/60-vedette.conf").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, value = (part.strip() for part in line.split("="))
        assert re.fullmatch(r"[0-9 ]+", value), line
        assert name.startswith("-") or Path("/proc/sys", name.replace(".", "/")).exists(), line


def test_zeromqs_threads_may_do_what_they_do():
    """libzmq calls sched_setscheduler and ends the process when that is refused; the last line that names it counts."""
    for name in DAEMONS:
        assert setting(name, "SystemCallFilter")[-1] == "sched_setscheduler"


def test_the_store_is_made_by_a_list_without_sites(tmp_path):
    for name in ("coordinator", "collector"):
        words = setting(name, "ExecStartPre")[0].split()
        assert words[0] == "-@PREFIX@/bin/vedette" and words[-2:] == ["-f", "@PREFIX@/share/vedette/no-sites.yaml"]
    done = subprocess.run(
        [BIN / "vedette", "apply", "--store", f"sqlite:{tmp_path}/v.db", "-f", ROOT / "deploy/config/host/no-sites.yaml"],
        capture_output=True, text=True, timeout=20, env=environment())
    assert done.returncode == 0 and (tmp_path / "v.db").exists(), done.stderr


@pytest.mark.parametrize("file, programs", [
    ("vedette.yaml", ("vedette-coordinator", "vedette-collector")),
    ("worker.yaml", ("vedette-worker",)),
])
def test_programs_take_the_settings_of_a_fresh_host(file, programs):
    """An error of a setting is told before anything else is done; --settings ends where it would begin."""
    for name in programs:
        done = subprocess.run([BIN / name, "--config", ROOT / "deploy/config/host" / file, "--set", "worker.slots=none"],
                              capture_output=True, text=True, timeout=20, env=environment())
        assert done.returncode == 1 and "worker.slots" in done.stderr and file not in done.stderr, done.stderr
