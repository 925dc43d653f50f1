"""Seeds: each plays its faults, and is asked five questions afterwards."""

from dataclasses import replace

import pytest

from faults import MANY, ONE
from harness.network import impossible
from plan import LONG, SHORT
from rehearse import rehearse

SEEDS = {ONE: (1, 2, 3, 4), MANY: (1, 2, 3, 4, 5, 6)}
OF_EVERY_DAY = 2


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        option = metafunc.config.getoption
        forms = [option("--form")] if option("--form") else list(SEEDS)
        chosen = [(f, s) for f in forms for s in ([option("--seed")] if option("--seed") is not None else SEEDS[f])]
        metafunc.parametrize("form, seed", chosen)


def run(seed, form, scale, config):
    option = config.getoption
    if form == MANY and (why := impossible()):
        pytest.skip(why)
    if option("--sites"):
        scale = replace(scale, sites=option("--sites"), outages=min(scale.outages, option("--sites") // 4))
    only = option("--only") and option("--only").split(",")
    for_s = option("--for") and float(option("--for").rstrip("s"))
    found = rehearse(seed, form, scale, for_s, only)
    assert not found, f"seed {seed} ({form}): {', '.join(found)}: see above"


def test_a_short_one(pytestconfig):
    run(OF_EVERY_DAY, ONE, SHORT, pytestconfig)


@pytest.mark.long
def test_a_seed(pytestconfig, form, seed):
    run(seed, form, LONG, pytestconfig)


@pytest.mark.long
def test_a_small_one(pytestconfig, form, seed):
    """Sixty sites every second: more happens to each of them."""
    run(seed, form, replace(SHORT, for_s=40, outages=15, stretch=0.7), pytestconfig)
