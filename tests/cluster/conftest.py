"""What the stories of a cluster share: a land of hosts for the whole run; a town, a
mailbox and a cluster of its own for each story."""

import logging
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from harness import network, shards  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.hosts import HostCluster, Land, Town  # noqa: E402
from harness.mail import Mail  # noqa: E402

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def pytest_addoption(parser):
    parser.addoption("--at-once", type=int, default=shards.AT_ONCE, metavar="N",
                     help=f"test processes side by side ({shards.AT_ONCE}; 1: none but this one)")


def pytest_cmdline_main(config):
    """With --at-once, this process only shares out; the tests run in others."""
    o = config.option
    alone = o.at_once < 2 or o.collectonly or o.usepdb or o.capture == "no" or o.help or o.version or o.markers
    if alone or shards.VARIABLE in os.environ:
        return None
    return shards.run(list(config.invocation_params.args), o.xmlpath, o.at_once)


def pytest_runtestloop(session):
    return shards.loop(session, lambda item: False)


def pytest_collection_modifyitems(items):
    why = network.impossible() if items else ""
    for item in items:
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def land():
    made = Land()
    yield made
    made.close()


@pytest.fixture
def town(land):
    t = Town(land)
    yield t
    t.close()


@pytest.fixture
def mail(land):
    m = Mail(host=land["service"].address, background=land.in_service)
    yield m
    m.close()


@pytest.fixture
def cluster(land, mail, request):
    """Nothing runs yet: c.start(). Its store is PostgreSQL's, unless the test is parametrised."""
    with HostCluster(land, mail, getattr(request, "param", "postgresql")) as c:
        yield c


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A cluster tells its daemons' last words when its test has failed."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "teardown" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Cluster):
                for log in sorted(value.folder.glob("*.log")):
                    report.sections.append((log.name, log.read_text(errors="replace")[-4000:]))
