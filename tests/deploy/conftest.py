"""What the tests of deploy/ share: the packages, and machines to put them on."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import machine as machines  # noqa: E402
from harness.programs import ROOT  # noqa: E402

BUILD = Path(os.environ.get("BUILD") or ROOT / "build").resolve()


def pytest_collection_modifyitems(items):
    """A test that needs a machine is marked so; where none can be had it says why."""
    why = None
    for item in items:
        if "debs" in item.fixturenames:
            item.add_marker(pytest.mark.machine)
            why = machines.impossible() if why is None else why
            if why:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def debs():
    """{package: file} of what `make deb` built."""
    found = {f.name.split("_")[0]: f for f in sorted((BUILD / "deb").glob("*.deb")) if "dbgsym" not in f.name}
    assert found, f"no packages in {BUILD / 'deb'}: make deb"
    return found


@pytest.fixture(scope="module")
def machine(request, debs, tmp_path_factory):
    """A Debian of this module's own; PACKAGES in the module says which of ours are installed."""
    name = request.module.__name__.removeprefix("test_")
    m = machines.Machine(tmp_path_factory.mktemp(name), BUILD / "machines", name)
    m.install(*[debs[p] for p in request.module.PACKAGES])
    return m
