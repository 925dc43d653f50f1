"""Seeds: each plays its faults, and is asked five questions afterwards."""

from dataclasses import replace

import pytest

from faults import MANY, ONE
from harness.network import impossible
from plan import LONG, SHORT, SMALL, Blow
from rehearse import plan_of, rehearse

SEEDS = {ONE: (1, 2, 3, 4), MANY: (1, 2, 3, 4, 5, 6)}
# Of every day: each kind of daemon dies, two stand still for a while.
SHORT_BLOWS = [Blow(1.0, "kill-worker", ("w1",), 0), Blow(3.0, "kill-coordinator", ("coordinator",), 0),
               Blow(6.0, "stop-worker", ("w2",), 4.5), Blow(7.5, "kill-collector", ("collector",), 0),
               Blow(10.5, "stop-collector", ("collector",), 1.5)]


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        option = metafunc.config.getoption
        forms = [option("--form")] if option("--form") else list(SEEDS)
        chosen = [(f, s) for f in forms for s in ([option("--seed")] if option("--seed") is not None else SEEDS[f])]
        metafunc.parametrize("form, seed", chosen)


def run(seed, form, size, scale, config):
    option = config.getoption
    if form == MANY and (why := impossible()):
        pytest.skip(why)
    given = [f"{name.upper()}={option('--' + name)}" for name in ("for", "sites", "only") if option("--" + name)]
    if option("--sites"):
        scale = replace(scale, sites=option("--sites"), outages=min(scale.outages, option("--sites") // 4))
    only = option("--only") and option("--only").split(",")
    for_s = option("--for") and float(option("--for").rstrip("s"))
    clean(plan_of(seed, form, scale, for_s, only), " ".join(["make chaos", f"SEED={seed} FORM={form} SIZE={size}", *given]))


def clean(plan, again):
    found = rehearse(plan, again)
    assert not found, f"seed {plan.seed} ({plan.form}): {', '.join(found)}: see above"


def test_a_short_one():
    clean(replace(plan_of(1, ONE, SHORT), blows=SHORT_BLOWS), "pytest tests/chaos -k short -s")


@pytest.mark.long
def test_a_large_one(pytestconfig, form, seed):
    run(seed, form, "large", LONG, pytestconfig)


@pytest.mark.long
def test_a_small_one(pytestconfig, form, seed):
    """Sixty sites every second: more happens to each of them."""
    run(seed, form, "small", SMALL, pytestconfig)
