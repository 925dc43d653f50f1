"""What `make install` puts into place works from there."""

import os
import re
import subprocess

import pytest

from harness import behaviours
from harness.programs import BIN, ROOT, SANITIZED, environment, run

pytestmark = pytest.mark.skipif(SANITIZED, reason="what is installed is the release variant")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    build = BIN.parents[1] if BIN.name == "bin" else ROOT / "build"
    done = subprocess.run(
        ["make", "-j2", "install", f"DESTDIR={folder}", "PREFIX=/usr", f"BUILD={build}"],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
        env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "VARIANT", "BUILD", "WERROR")},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder / "usr"


def test_all_programs_are_there(prefix):
    for name in ("vedette", "vedette-coordinator", "vedette-worker", "vedette-collector", "vedette-loadgen"):
        said = run(prefix / "bin" / name, "--version")
        assert said.status == 0 and "vedette" in said.out, said


def test_manual_pages_and_completion_are_there(prefix):
    assert (prefix / "share/man/man1/vedette.1").exists()
    assert (prefix / "share/bash-completion/completions/vedette").exists()
    assert (prefix / "share/bash-completion/completions/vedette-loadgen").exists()
    assert (prefix / "share/man/man7/vedette-notice.7").exists()
    for document in ("README.md", "HACKING.md", "ARCHITECTURE.md"):
        assert (prefix / "share/doc/vedette" / document).exists()
    assert (prefix / "share/man/man7/vedette-metrics.7").exists()
    for example in ("vedette.yaml", "sites.yaml", "receive.py", "prometheus.yml", "vedette.rules.yml", "vedette-grafana.json"):
        assert (prefix / "share/doc/vedette/examples" / example).exists()


def test_units_and_kernel_settings_are_there(prefix):
    for daemon in ("coordinator", "worker", "collector"):
        unit = (prefix / f"lib/systemd/system/vedette-{daemon}.service").read_text()
        assert f"ExecStart=/usr/bin/vedette-{daemon} --config" in unit and "@" not in unit.split("[Service]")[1].split("SystemCallFilter")[0]
        assert "WatchdogSec=" in unit and "LimitNOFILE=" in unit
    settings = (prefix.parent / "etc/sysctl.d/60-vedette.conf").read_text()
    for name in ("ip_local_port_range", "tcp_tw_reuse", "nf_conntrack_max"):
        assert re.search(rf"^-?net\.[a-z0-9_.]*{name} = ", settings, re.M), name


def test_settings_are_brought_once(prefix):
    for file in ("vedette.yaml", "worker.yaml"):
        assert (prefix.parent / "etc/vedette" / file).stat().st_mode & 0o777 == 0o640


def test_it_runs_from_there(prefix, world, village, tmp_path):
    """`up` finds the daemons beside itself, without PATH or the build folder."""
    site = village.site("installed", behaviours.healthy())
    sites = tmp_path / "sites.yaml"
    sites.write_text(f"sites:\n  - {{url: '{site.url()}', name: installed, every: 500ms, timeout: 400ms}}\n")
    env = environment()
    env["PATH"] = "/usr/bin:/bin"
    lanes = [x for lane in ("control", "results", "feed", "feedback", "jobs")
             for x in ("--set", f"endpoint.{lane}=ipc://{tmp_path}/{lane}")]
    lanes += [x for part in ("coordinator", "collector", "worker") for x in ("--set", f"metrics.{part}=")]
    said = run(
        prefix / "bin/vedette", "up", "--store", f"sqlite:{tmp_path}/v.db", "--sites", sites, "--for", "3s", *lanes,
        "--set", f"worker.resolver={world.resolver.address}", "--set", "worker.allow=127.0.0.0/8", env=env,
    )
    assert said.status == 0, said
    assert len(site.visits) >= 2


def test_the_examples_are_right(prefix, tmp_path):
    examples = prefix / "share/doc/vedette/examples"
    said = run(
        prefix / "bin/vedette", "apply", "--config", examples / "vedette.yaml", "-f", examples / "sites.yaml",
        "--store", f"sqlite:{tmp_path}/v.db",
    )
    assert said.status == 0, said
