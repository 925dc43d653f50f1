"""The Debian packages: what is in them, and that they build the same twice."""

import hashlib
import os
import re
import subprocess

import pytest

from harness.process import program
from harness.programs import ROOT

PROGRAMS = {
    "vedette": {"vedette", "vedette-collector", "vedette-coordinator", "vedette-loadgen"},
    "vedette-worker": {"vedette-worker"},
    "vedette-common": set(),
}


def said(*words, **how):
    return subprocess.run([program(words[0]), *map(str, words[1:])], capture_output=True, text=True, timeout=120, check=True, **how).stdout


@pytest.fixture(scope="module")
def contents(debs):
    """{package: {path: mode}}"""
    found = {}
    for name, file in debs.items():
        rows = [line.split(None, 5) for line in said("dpkg-deb", "--contents", file).splitlines()]
        found[name] = {row[5].split(" -> ")[0].lstrip(".").rstrip("/"): row[0] for row in rows}
    return found


@pytest.fixture(scope="module")
def unpacked(debs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    for file in debs.values():
        subprocess.run([program("dpkg-deb"), "-x", file, folder], check=True, timeout=120)
    return folder


def test_three_packages_of_one_version(debs):
    assert set(debs) == set(PROGRAMS)
    assert len({said("dpkg-deb", "--field", f, "Version") for f in debs.values()}) == 1


def test_each_program_is_in_one_package(contents):
    for package, programs in PROGRAMS.items():
        there = {p.removeprefix("/usr/bin/") for p in contents[package] if p.startswith("/usr/bin/")}
        assert there == programs, package


def test_each_manual_page_is_in_one_package(contents):
    pages = {f"/usr/share/man/man{f.suffix[1:]}/{f.name}.gz" for f in (ROOT / "deploy/man").glob("*.[1-8]")}
    there = [p for c in contents.values() for p in c if re.fullmatch(r"/usr/share/man/.*\.gz", p)]
    assert sorted(there) == sorted(pages)


def test_a_workers_host_has_what_its_operator_reads(contents):
    examples = "/usr/share/doc/vedette-common/examples"
    wanted = {"/usr/share/man/man5/vedette.yaml.5.gz", "/usr/share/man/man7/vedette-metrics.7.gz",
              f"{examples}/vedette.rules.yml", f"{examples}/prometheus.yml", f"{examples}/vedette-grafana.json"}
    there = {p.removesuffix(".gz") for p in contents["vedette-common"]}
    assert {w.removesuffix(".gz") for w in wanted} <= there


def test_the_administrators_files_are_known_as_such(debs):
    for package, files in {
        "vedette": {"/etc/vedette/vedette.yaml"},
        "vedette-worker": {"/etc/vedette/worker.yaml", "/etc/sysctl.d/60-vedette.conf"},
    }.items():
        assert set(said("dpkg-deb", "--info", debs[package], "conffiles").split()) == files


def test_libraries_are_dependencies(debs):
    for package, libraries in {
        "vedette": ("libzmq5", "libsqlite3-0", "libpq5", "libcurl4", "libuv1", "libpsl5", "libjemalloc2", "vedette-common",
                    "ca-certificates"),
        "vedette-worker": ("libzmq5", "libcurl4", "libuv1", "libjemalloc2", "vedette-common", "ca-certificates"),
    }.items():
        named = re.findall(r"(?:^|, )([a-z0-9.+-]+)", said("dpkg-deb", "--field", debs[package], "Depends"))
        named = {re.sub(r"t64$", "", n) for n in named}
        assert set(libraries) <= named, package


def test_programs_are_hardened(unpacked):
    subprocess.run([ROOT / "deploy/hardening.sh", *(unpacked / "usr/bin").iterdir()], check=True, timeout=120)


def test_they_were_compiled_without_a_trace_of_where(unpacked):
    for file in (unpacked / "usr/bin").iterdir():
        assert str(ROOT).encode() not in file.read_bytes(), file.name


def test_the_same_commit_makes_the_same_bytes(debs, tmp_path):
    version = said("dpkg-deb", "--field", debs["vedette"], "Version").strip()
    done = subprocess.run([ROOT / "deploy/deb.sh", tmp_path / "again"], capture_output=True, text=True, timeout=1500,
                          env={**os.environ, "DEB_VERSION": version})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for name, file in debs.items():
        again = tmp_path / "again" / file.name
        assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest(), name
