"""compose.yaml: against Compose's own schema where that is installed, against the image and the programs."""

import re
import shutil
import subprocess

import pytest
import yaml

from harness.programs import BIN, ROOT, environment

FOLDER = ROOT / "deploy/docker"
FILE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES = FILE["services"]
DAEMONS = ("coordinator", "collector", "worker")


def test_compose_takes_it(tmp_path):
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed (make deps-deploy)")
    done = subprocess.run(["docker-compose", "-f", FOLDER / "compose.yaml", "config", "--quiet"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_no_rights(name):
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service and "user" not in service


@pytest.mark.parametrize("name", DAEMONS)
def test_each_daemon_has_its_container(name):
    assert SERVICES[name]["command"] == [f"vedette-{name}"]
    unit = (ROOT / f"deploy/systemd/vedette-{name}.service").read_text()
    assert SERVICES[name]["ulimits"]["nofile"] == int(re.search(r"^LimitNOFILE=(\d+)", unit, re.M)[1])


def test_the_worker_has_neither_store_nor_key():
    assert "volumes" not in SERVICES["worker"]


@pytest.mark.parametrize("name", DAEMONS)
def test_programs_take_its_settings(name):
    own = {k: v for k, v in SERVICES[name].get("environment", {}).items() if not v.startswith("$")}
    said = subprocess.run([BIN / f"vedette-{name}", "--config", FOLDER / "vedette.yaml", "--set", "worker.slots=none"],
                          capture_output=True, text=True, timeout=20, env=environment(**own))
    assert said.returncode == 1 and "worker.slots" in said.stderr and "environment" not in said.stderr, said.stderr


def test_addresses_are_those_of_services():
    settings = yaml.safe_load((FOLDER / "vedette.yaml").read_text())["endpoint"]
    for name, variable in (("coordinator", "VEDETTE_ENDPOINT_RESULTS"), ("collector", "VEDETTE_ENDPOINT_FEEDBACK")):
        host, port = re.fullmatch(r"tcp://([a-z]+):(\d+)", SERVICES[name]["environment"][variable]).groups()
        assert host in SERVICES and settings[variable.rsplit("_", 1)[1].lower()] == f"tcp://*:{port}"
    assert settings["advertise"] in SERVICES
