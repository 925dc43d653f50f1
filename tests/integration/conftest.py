"""What all integration tests share: one small internet for the whole run, and
clusters and villages of their own for each test."""

import itertools
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from harness import postgres, shards  # noqa: E402
from harness.aloop import Background  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.dns import Resolver  # noqa: E402
from harness.hook import Hook  # noqa: E402
from harness.mail import Mail  # noqa: E402
from harness.misbehave import Village  # noqa: E402
from harness.pki import Pki  # noqa: E402
from harness.programs import BIN  # noqa: E402
from harness.web import Web  # noqa: E402

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass
class World:
    resolver: Resolver
    pki: Pki
    web: Web
    background: Background


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
    return shards.loop(session, lambda item: {"answers", "lived", "prefix"} & set(item.fixturenames))


def pytest_report_header():
    there = "" if (BIN / "vedette").exists() else " (there are none: make, or set VEDETTE_BIN)"
    return f"programs: {BIN}{there}"


@pytest.fixture(scope="session")
def world():
    """DNS, certificates, nginx, and a thread for the servers that are ours."""
    background = Background()
    resolver = Resolver()
    pki = Pki()
    web = Web(pki, resolver)
    yield World(resolver, pki, web, background)
    web.close()
    pki.close()
    resolver.close()
    background.close()


@pytest.fixture
def village(world):
    v = Village(world.resolver, world.background)
    yield v
    v.close()


@pytest.fixture
def mail(world):
    m = Mail(background=world.background)
    yield m
    m.close()


@pytest.fixture
def hook(village):
    return Hook(village)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server that stays up: the URL to make places at."""
    if postgres.SHARED in os.environ:
        yield os.environ[postgres.SHARED]
        return
    with postgres.Server() as own:
        yield own.url


@pytest.fixture
def cluster(world, request):
    """Nothing runs yet: c.start() or c.up(); before that, c.settings may be changed.
    Its store is SQLite's, unless the test is parametrised with BOTH."""
    database = None
    if getattr(request, "param", "sqlite") == "postgresql":
        name = f"c{os.getpid()}_{next(NUMBERS)}"
        database = postgres.new_schema(request.getfixturevalue("server"), name)
    with Cluster(world, database=database) as c:
        yield c


NUMBERS = itertools.count()


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A cluster tells its daemons' last words when its test has failed."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Cluster):
                for log in sorted(value.folder.glob("*.log")):
                    text = log.read_text(errors="replace")
                    report.sections.append((log.name, text[-4000:]))
