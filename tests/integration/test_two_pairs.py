"""The sites are cut in two parts, each with a coordinator and a collector of its own; the workers
serve both."""

import pytest

from harness import behaviours as b
from harness.patience import until
from harness.process import Process
from harness.programs import BIN, environment
from harness.stories import BOTH, gapless, owner, quick, rounds

BAD = b.status(503)
SITES = [f"s{i}" for i in range(1, 8)]
WORKERS = ("anna", "bert")
MASK = (1 << 64) - 1


def shard_of(site_id, shards):
    """As common/shard.h says."""
    x = site_id
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    x ^= x >> 31
    at = following = 0
    while following < shards:
        at = following
        x = (x * 2862933555777941757 + 1) & MASK
        following = int((at + 1) * (float(1 << 31) / float((x >> 33) + 1)))
    return at


def pair(cluster, shard, of=2):
    """Settings of its coordinator and collector; the first one's endpoints are the cluster's."""
    suffix = shard or ""
    lanes = [f"endpoint.{lane}=ipc://{cluster.folder}/{lane}{suffix}" for lane in
             ("control", "results", "feed", "feedback", "jobs")]
    return [f"shards={of}", f"shard={shard}", *lanes]


def begin_pair(cluster, shard, of=2):
    for part in ("coordinator", "collector"):
        cluster.begin(part, f"{part}{shard}", sets=pair(cluster, shard, of))


def end_pair(cluster, shard, how="stop"):
    for part in ("collector", "coordinator"):
        getattr(cluster.daemon.pop(f"{part}{shard}"), how)()


def parts(cluster, shards=2):
    """The sites' names by shard."""
    found = [[] for _ in range(shards)]
    for name in SITES:
        found[shard_of(cluster.ledger.site_id(name), shards)].append(name)
    return found


def epochs(cluster, name, since_us=0):
    """The coordinators that gave out looks at that site."""
    return {x.job_id >> 40 for x in cluster.ledger.looks(name, since_us) if x.job_id}


@pytest.fixture
def sites(cluster, village, mail):
    """Seven sites in two parts, all of them well."""
    made = {name: village.site(name, b.healthy()) for name in SITES}
    cluster.settings.update({
        "mail.server": mail.url, "shards": "2",
        "worker.coordinators": f"ipc://{cluster.folder}/control, ipc://{cluster.folder}/control1",
    })
    cluster.apply(owners=[owner("us", "mailto:us@watch.test")],
                  sites=[quick(name, site.url(), owner="us") for name, site in made.items()])
    first, second = parts(cluster)
    assert len(first) > 1 and len(second) > 1, "these ids are in both parts"
    return made


def start(cluster):
    """The second pair comes last: the workers take it up beside the first."""
    begin_pair(cluster, 0)
    for name in WORKERS:
        cluster.begin("worker", name)
    begin_pair(cluster, 1)
    for name in SITES:
        cluster.wait_health(name, "up", within=15)


def subjects(mail):
    return sorted(m.subject.split()[0] for m in mail.messages)


@pytest.mark.story
@BOTH
def test_two_pairs_share_the_sites(cluster, sites, mail):
    start(cluster)
    first, second = parts(cluster)
    by_part = [set().union(*(epochs(cluster, name) for name in names)) for names in (first, second)]
    assert [len(e) for e in by_part] == [1, 1] and by_part[0] != by_part[1], "each has its own coordinator"
    until(lambda: cluster.ask("status")[0]["workers"]["ready"] == len(WORKERS), 10, lambda: cluster.ask("status"))
    assert not mail.messages

    # One outage in each part: told once each, by the collector whose it is.
    bad = [first[0], second[0]]
    for name in bad:
        sites[name].becomes(BAD)
    mail.wait(2, "[down]", within=15)
    for shard, name in enumerate(bad):
        (incident,) = cluster.ledger.incidents(name)
        assert incident[0] % 2 == shard
        until(lambda name=name: cluster.ledger.told(name, "down") == 1, 10, lambda: cluster.ledger.notices(name))

    # One pair is killed: the others' sites go on, also in how they are told of.
    end_pair(cluster, 1, "kill")
    visits = len(sites[first[1]].visits)
    sites[bad[0]].becomes(b.healthy())
    sites[bad[1]].becomes(b.healthy())
    mail.wait(1, "[back]", within=15)
    rounds(cluster, first[1], 4, "up")
    assert len(sites[first[1]].visits) > visits
    gapless(cluster, *first)
    assert cluster.ledger.incidents(bad[1])[0][1] == "open"

    # It is begun again: the workers come back to it, and it goes on where it was.
    begin_pair(cluster, 1)
    cluster.wait_health(bad[1], "up", within=20)
    mail.wait(2, "[back]", within=15)
    rounds(cluster, second[1], 2, "up", within=20)
    gapless(cluster, *SITES)
    assert subjects(mail) == ["[back]", "[back]", "[down]", "[down]"]
    # Each look once: one request for each line of a site that was well all the time.
    lines = len(cluster.ledger.looks(first[1]))
    asked = len(sites[first[1]].visits)
    assert asked - 3 <= lines <= asked


def test_sites_move_when_they_are_cut_otherwise(cluster, sites, mail):
    start(cluster)
    first, second = parts(cluster)
    bad = second[0]
    sites[bad].becomes(BAD)
    mail.wait(1, "[down]", within=15)
    (before,) = cluster.ledger.incidents(bad)

    # Another cut beside the one that is at work: refused.
    rival = Process("rival", [BIN / "vedette-coordinator", "--config", cluster.config,
                              *[x for s in pair(cluster, 2, 3) for x in ("--set", s)]],
                    cluster.folder / "rival.log", env=environment())
    rival.says(r"cut its sites in 2 parts")
    assert rival.ended(10) == 13

    end_pair(cluster, 1)
    end_pair(cluster, 0)
    cluster.settings["shards"] = "1"
    begin_pair(cluster, 0, of=1)
    for name in SITES:
        rounds(cluster, name, 2, within=20)
    (now,) = cluster.ledger.incidents(bad)
    assert now[:4] == before[:4], "the outage goes on"
    sites[bad].becomes(b.healthy())
    mail.wait(1, "[back]", within=15)
    rounds(cluster, bad, 2, "up")
    gapless(cluster, *SITES)
    assert subjects(mail) == ["[back]", "[down]"]
    assert len({e for name in SITES for e in epochs(cluster, name)}) == 3


def test_up_is_for_all_sites(cluster):
    cluster.settings["shards"] = "2"
    cluster.apply(sites=[])
    said = cluster.cli("up", "--for", "1s")
    assert said.status == 1 and "shards is 2" in said.err, said
