"""A host with everything on it, started by systemd: a real watch of simulated sites, and what happens to daemons."""

import json
import re
import resource

import pytest

from harness.patience import until
from harness.programs import ROOT
import machine as machines

PACKAGES = ("vedette-common", "vedette", "vedette-worker")
UNITS = ("vedette-coordinator", "vedette-collector", "vedette-worker")
CONFIG = "--config=/etc/vedette/vedette.yaml"
# Sites that play here, on the machine's own loopback; one of them is down from the beginning.
CROWD = """[Unit]
Description=simulated sites
Before=vedette-worker.service
[Service]
Type=exec
ExecStart=/usr/bin/vedette-loadgen --sites 20 --https 30% --every 2s --timeout 1s --names yes --latency 1ms --latency-p99 5ms \\
    --rule 'site 3 answer 503' --write /run/crowd/sites.yaml --write-config /run/crowd/worker.yaml --ca-file /run/crowd/root.pem
RuntimeDirectory=crowd
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module")
def host(machine):
    if not machines.cgroup_root():
        pytest.skip("systemd needs a cgroup of version 2")
    machine.put("/etc/systemd/system/crowd.service", CROWD)
    machine.run("systemctl", "enable", "crowd")
    with machine.booted():
        until(lambda: machine.run("test", "-s", "/run/crowd/worker.yaml", ok=False).returncode == 0, 20, "there are simulated sites")
        machine.sh("cp /run/crowd/worker.yaml /etc/vedette/worker.yaml && systemctl restart vedette-worker")
        operator(machine, "apply", "-f", "/run/crowd/sites.yaml")
        yield machine


def operator(host, *words, **how):
    """The command, as an operator is told to call it."""
    return host.run("setpriv", "--reuid=vedette", "--regid=vedette", "--clear-groups", "vedette", words[0], CONFIG, *words[1:], **how)


def pid(host, unit):
    return int(host.show(unit, "MainPID"))


def status_of(host, unit):
    text = host.run("cat", f"/proc/{pid(host, unit)}/status").stdout
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def incidents(host):
    return [json.loads(line) for line in operator(host, "incidents", "--json").stdout.splitlines()]


@pytest.mark.parametrize("unit", UNITS)
def test_it_said_that_it_is_ready(host, unit):
    assert host.show(unit, "ActiveState") == "active", host.journal(unit)
    assert host.show(unit, "Type") == "notify" and host.show(unit, "WatchdogUSec") not in ("0", "infinity")


@pytest.mark.parametrize("unit", UNITS)
def test_it_has_no_rights_beyond_its_user(host, unit):
    s = status_of(host, unit)
    assert s["Uid"].split()[0] != "0"
    assert all(int(s[kind], 16) == 0 for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")), s
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"


@pytest.mark.parametrize("unit, folder", [("vedette-coordinator", "/var/lib/vedette"), ("vedette-collector", "/var/lib/vedette"),
                                          ("vedette-worker", "/var/lib/vedette-worker")])
def test_it_sees_a_system_that_it_cannot_write_to(host, unit, folder):
    mounts = host.run("cat", f"/proc/{pid(host, unit)}/mountinfo").stdout.splitlines()
    options = {m.split()[4]: m.split()[5].split(",") for m in mounts}  # the last mount of a place is the one that counts
    assert "ro" in options["/"], mounts
    assert "rw" in options[folder], mounts


def test_the_worker_has_the_descriptors_that_its_unit_names(host):
    limits = host.run("cat", f"/proc/{pid(host, 'vedette-worker')}/limits").stdout
    # Where this host may not give so many, systemd gives what it may.
    mine = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert re.search(rf"Max open files +(262144|{mine}) ", limits), limits


def test_the_worker_can_read_neither_store_nor_settings_of_others(host):
    as_worker = ("setpriv", "--reuid=vedette-worker", "--regid=vedette-worker", "--clear-groups", "cat")
    for secret in ("/var/lib/vedette/vedette.db", "/etc/vedette/vedette.yaml"):
        done = host.run(*as_worker, secret, ok=False)
        assert done.returncode != 0 and "Permission denied" in done.stderr, secret


def test_an_outage_is_seen_and_told(host):
    found = until(lambda: incidents(host), 30, lambda: "\n".join(host.journal(u)[-1500:] for u in UNITS), every=0.5)
    assert {i["site"] for i in found} == {"s3"}
    until(lambda: re.search(r"\bs3\b", host.journal("vedette-collector")), 10, "the console is the journal")
    states = json.loads(operator(host, "status", "--json").stdout)
    assert states, "the status"


def test_nothing_was_forbidden_that_is_needed(host):
    """EPERM is what a forbidden system call ends with; a program that needs it says so."""
    for unit in UNITS:
        assert "not permitted" not in host.journal(unit), host.journal(unit)


def test_a_daemon_that_hangs_is_ended_and_started_again(host):
    host.run("mkdir", "-p", "/run/systemd/system/vedette-coordinator.service.d")
    host.put("/run/systemd/system/vedette-coordinator.service.d/impatient.conf", "[Service]\nWatchdogSec=2\n")
    host.sh("systemctl daemon-reload && systemctl restart vedette-coordinator")
    before = pid(host, "vedette-coordinator")
    host.run("kill", "-STOP", before)
    until(lambda: host.show("vedette-coordinator", "NRestarts") == "1" and host.show("vedette-coordinator", "ActiveState") == "active",
          20, lambda: host.journal("vedette-coordinator")[-2000:], every=0.3)
    assert pid(host, "vedette-coordinator") != before
    assert "watchdog" in host.journal("vedette-coordinator").lower()


def test_a_daemon_that_was_killed_is_back(host):
    before = pid(host, "vedette-collector")
    host.run("kill", "-KILL", before)
    until(lambda: pid(host, "vedette-collector") not in (0, before) and host.show("vedette-collector", "ActiveState") == "active",
          20, lambda: host.journal("vedette-collector")[-2000:], every=0.3)
    assert {i["site"] for i in incidents(host)} == {"s3"}, "the incident is the same one"


@pytest.mark.parametrize("unit, port", zip(UNITS, (7715, 7716, 7717)))
def test_the_images_question_is_answered(host, unit, port):
    """What the image asks a daemon for its health, asked of daemons that are well and of one that is stopped."""
    host.put("/run/healthy", (ROOT / "deploy/docker/vedette-healthy").read_text(), mode=0o755)
    assert host.run("/run/healthy", port).stdout == ""
    host.run("kill", "-STOP", pid(host, unit))
    try:
        done = host.run("/run/healthy", port, ok=False)
        assert done.returncode == 1 and f"port {port}" in done.stdout
    finally:
        host.run("kill", "-CONT", pid(host, unit))
    until(lambda: host.run("/run/healthy", port, ok=False).returncode == 0, 10, "it is well again", every=0.3)


def test_without_settings_it_is_not_started(host):
    host.sh("mv /etc/vedette/worker.yaml /etc/vedette/away && systemctl restart vedette-worker")
    assert host.show("vedette-worker", "ConditionResult") == "no" and host.show("vedette-worker", "ActiveState") == "inactive"
    host.sh("mv /etc/vedette/away /etc/vedette/worker.yaml && systemctl start vedette-worker")


def test_it_ends_in_good_order(host):
    for unit in UNITS:
        host.run("systemctl", "stop", unit, within=60)
        assert host.show(unit, "Result") == "success" and host.show(unit, "ExecMainStatus") == "0", host.journal(unit)[-2000:]
