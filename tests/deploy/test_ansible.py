"""The role for workers: read by ansible-lint, and run on a machine with systemd, twice."""

import json
import shutil
import subprocess

import pytest
import yaml

from harness.patience import until
from harness.programs import ROOT
import machine as machines

FOLDER = ROOT / "deploy/ansible"
PACKAGES = ("vedette-common", "vedette", "vedette-worker")


# The control host's: this machine is that too.
CONTROL = {
    "store": "sqlite:/var/lib/vedette/vedette.db",
    "endpoint": {"control": "tcp://0.0.0.0:7711", "results": "tcp://0.0.0.0:7712", "jobs": "tcp://0.0.0.0:7720"},
    "keys": {"server_file": "/var/lib/vedette/server.key"},
}


def test_ansible_understands_it():
    if not shutil.which("ansible-playbook"):
        pytest.skip("ansible-core is not installed (make deps-deploy)")
    done = subprocess.run(["ansible-playbook", "--syntax-check", "-i", "inventory.example.ini", "workers.yml"], cwd=FOLDER,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stdout + done.stderr


def test_it_is_written_as_it_should_be():
    if not shutil.which("ansible-lint"):
        pytest.skip("ansible-lint is not installed (make deps-deploy)")
    done = subprocess.run(["ansible-lint", "--offline", "--profile=production", "-q", "workers.yml"], cwd=FOLDER,
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def fleet(machine, debs):
    """A booted machine that has Ansible itself, our role and packages, and what these depend on."""
    if not machines.cgroup_root():
        pytest.skip("systemd needs a cgroup of version 2")
    machine.sh("apt-get -qq update && apt-get -y -qq --no-install-recommends install ansible-core python3-apt", net="host", within=600)
    machine.run("dpkg", "--purge", "vedette-worker")
    there = machine.folder / "upper/srv"
    shutil.copytree(FOLDER, there / "deploy/ansible")
    (there / "build/deb").mkdir(parents=True)
    for p in debs.values():
        shutil.copy(p, there / "build/deb")
    machine.put("/etc/vedette/vedette.yaml", yaml.safe_dump(CONTROL))
    with machine.booted():
        yield machine


def play(fleet, **variables):
    """{what: how many} of one run of the playbook on the machine itself."""
    fleet.put("/srv/inventory.yml", yaml.safe_dump({"vedette_workers": {"hosts": {"here": {
        "ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3",
        # Kernel settings of the host are not this network namespace's to change.
        "vedette_worker_kernel": False, **variables}}}}), mode=0o600)
    said = fleet.run("ansible-playbook", "-i", "/srv/inventory.yml", "/srv/deploy/ansible/workers.yml", within=300).stdout
    recap = said[said.index("PLAY RECAP"):].split("here", 1)[1]
    return dict((w.split("=")[0], int(w.split("=")[1])) for w in recap.split() if "=" in w), said


def test_a_host_becomes_a_worker(fleet):
    counts, said = play(fleet, vedette_worker_settings={"worker": {"threads": 2}})
    assert counts["failed"] == 0 and counts["changed"] > 0, said
    assert fleet.show("vedette-worker", "ActiveState") == "active", fleet.journal("vedette-worker")
    assert fleet.run("systemctl", "is-enabled", "vedette-worker").stdout.strip() == "enabled"
    assert "threads: 2" in fleet.run("cat", "/etc/vedette/worker.yaml").stdout
    assert fleet.run("stat", "-c", "%U:%G %a", "/etc/vedette/worker.yaml").stdout.strip() == "root:vedette-worker 640"


def test_a_second_time_changes_nothing(fleet):
    before = fleet.show("vedette-worker", "MainPID")
    counts, said = play(fleet, vedette_worker_settings={"worker": {"threads": 2}})
    assert counts["changed"] == 0, said
    assert fleet.show("vedette-worker", "MainPID") == before


def test_other_settings_start_it_again(fleet):
    before = fleet.show("vedette-worker", "MainPID")
    counts, said = play(fleet, vedette_worker_settings={"worker": {"threads": 1}})
    assert counts["failed"] == 0 and counts["changed"] == 2, said  # the file, and the restart
    assert fleet.show("vedette-worker", "MainPID") != before


def operator(fleet, *words):
    """The command, as an operator is told to call it."""
    return fleet.run("setpriv", "--reuid=vedette", "--regid=vedette", "--clear-groups", "vedette", words[0],
                     "--config=/etc/vedette/vedette.yaml", *words[1:]).stdout


def test_with_a_token_it_takes_part(fleet):
    operator(fleet, "keygen")
    fleet.sh("systemctl restart vedette-coordinator vedette-collector")
    token = operator(fleet, "token", "--location", "local", "--name", "fleet", "--address", "127.0.0.1").strip()
    counts, said = play(fleet, vedette_worker_token=token)
    assert counts["failed"] == 0, said
    assert token not in said
    assert fleet.run("stat", "-c", "%U %a", "/etc/vedette/worker.token").stdout.strip() == "vedette-worker 600"
    until(lambda: any(json.loads(line)["health"] == "ready" for line in operator(fleet, "workers", "--json").splitlines()), 20,
          lambda: fleet.journal("vedette-worker")[-1500:] + fleet.journal("vedette-coordinator")[-1500:])


def test_without_its_token_it_is_outside_again(fleet):
    counts, said = play(fleet)
    assert counts["failed"] == 0, said
    assert "join" not in fleet.run("cat", "/etc/vedette/worker.yaml").stdout
    fleet.run("test", "!", "-e", "/etc/vedette/worker.token")
