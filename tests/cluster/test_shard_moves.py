"""The sites cut in two, a control host for each part; and a part that moves to the other host in an outage."""

import re
import time

from harness import behaviours as b
from harness.fleet import Fleet
from harness.hosts import ALL, CONTROL, PAIR
from harness.ledger import CAUSE
from harness.patience import until
from harness.stories import owner, quick

SHOPS = [f"shop{n}" for n in range(6)]
BOTH = {"locations": ["eu", "us"], "confirm": {"looks": 1, "within": "2s"}}


def subjects(mail):
    return sorted(m.subject.split(":")[0] for m in mail.messages if "us@watch.test" in m.recipients)


def test_a_part_of_the_sites_moves_to_another_host(cluster, town, mail):
    """Each part has its own; nothing is looked at twice, the outages go on as the ones that they are, and the
    other part notices nothing."""
    cluster.pairs = True
    cluster.settings["shards"] = "2"
    cluster.addresses = [cluster.land[h].address + ":7711" for h in CONTROL] + [cluster.land["control1"].address + ":7811"]
    fleet = Fleet(cluster, town)
    shops = [town.site(name, b.healthy()) for name in SHOPS]
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")],
                  sites=[quick(s.name, s.url(), owner="us", **BOTH) for s in shops])
    cluster.start()
    fleet.wait_visits(*ALL)
    fleet.wait_rounds(1)
    parts = [int(cluster.daemon[f"coordinator-{h}"].says(r"coordinator\.started .*sites=(\d+)").group(1)) for h in CONTROL]
    assert sum(parts) == len(fleet.sites) + len(shops) and min(parts) >= 6, parts
    for s in shops:
        s.becomes(b.status(503))
    mail.wait(len(shops), "[down]", within=30)

    left = time.time()
    for p in cluster.take_pair("control2"):
        p.stop()
    cluster.begin_pair("control1", ["shard=1", *cluster.elsewhere("control1", 100)], name="moved")
    moved = cluster.daemon["coordinator-moved"]
    assert moved.says(r"coordinator\.started .*sites=(\d+)").group(1) == str(parts[1])
    until(lambda: len(re.findall(r"worker\.joined", moved.said())) == len(ALL), 20, moved.said)
    joined = time.time()
    fleet.wait_rounds(2)
    for s in shops:
        s.becomes(b.healthy())
    mail.wait(len(shops), "[back]", within=30)
    fleet.wait_rounds(1)
    assert len(subjects(mail)) == 2 * len(shops) == len(set(m.subject for m in mail.messages)), subjects(mail)
    assert [i[1] for i in cluster.ledger.incidents()] == ["recovered"] * len(shops)
    # What came due while its part was nowhere is accounted for as missed, and nothing else is.
    missed = fleet.not_up()
    assert all(CAUSE[x[4]] == "missed" and left - 2 < x[2] / 1e6 < joined + 2 for x in missed), missed
    assert len({x[0] for x in missed}) <= parts[1]
    lines = fleet.lines(0)
    assert len(lines) == len({x[:3] for x in lines}), "a slot has two lines"
    cluster.whole(*SHOPS, *[s.name for s in fleet.sites])
    assert all(cluster.daemon[f"{part}-control1"].alive() for part in PAIR)
