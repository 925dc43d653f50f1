"""Sites that are looked at from two places: what each of them sees, and what is made of it."""

from harness import behaviours as b
from harness.patience import until
from harness.stories import owner, quick, rounds

BAD = b.status(503)
PLACES = {"locations": "eu, us"}


def well_for(*places):
    """Well for workers that stand there, 503 for all others."""

    async def behave(c):
        visit = await c.request()
        if visit:
            await c.answer(200 if visit.agent in [f"from-{p}" for p in places] else 503)

    return behave


def begin(cluster, village, mail, **workers):
    """A cluster with workers in eu and us that watches `shop` from both; its site."""
    shop = village.site("shop", b.healthy())
    cluster.settings["mail.server"] = mail.url
    cluster.settings.update(PLACES)
    cluster.apply(
        owners=[owner("us", "mailto:us@watch.test")],
        sites=[quick("shop", shop.url(), owner="us", locations=["us", "eu"], confirm={"looks": 1, "within": "1s"})],
    )
    cluster.start(workers=())
    for place, names in workers.items():
        for name in names:
            cluster.begin("worker", name, sets=[f"worker.location={place}", f"worker.user_agent=from-{place}"])
    cluster.wait_health("shop", "up")
    return shop


def views(cluster):
    (site,) = [s for s in cluster.ask("sites") if s["name"] == "shop"]
    return {v["location"]: v["health"] for v in site.get("views", [])}


def wait_views(cluster, within=10, **expected):
    until(lambda: views(cluster) == expected, within, lambda: f"views {expected}; there are {views(cluster)}")


def holes(cluster, place):
    """Due slots of that location without a line, and slots with two."""
    rows = cluster.ledger.query(
        "SELECT slot_us, span FROM look JOIN word ON word.id = location_id WHERE text = ? AND look = 0 ORDER BY slot_us",
        place,
    )
    every = cluster.ledger.one("SELECT every_ms FROM site") * 1000
    slots = [slot + i * every for slot, span in rows for i in range(span)]
    return [(a, b) for a, b in zip(slots, slots[1:]) if b - a != every]


def places_of(cluster):
    """From where the newest outage was seen."""
    (story,) = cluster.ask("explain", "shop")
    looks = story["last_incident"]["evidence"]
    return {x["location"] for x in looks if x["verdict"] == "down"}, {x["worker"] for x in looks}


def test_an_outage_is_what_both_see(cluster, village, mail):
    shop = begin(cluster, village, mail, eu=["anna", "bert"], us=["carl", "dora"])
    wait_views(cluster, eu="up", us="up")
    feed = cluster.watch()
    until(lambda: feed.events("pulse"), 10, "the feed is heard")

    shop.becomes(well_for("eu"))
    wait_views(cluster, eu="up", us="down")
    rounds(cluster, "shop", 4)
    assert cluster.ledger.health("shop") == "up"
    assert "up, not from us" in cluster.cli("sites").out
    assert "up (not from us)" in cluster.cli("explain", "shop").out
    assert "1 is up from some locations and down from others" in cluster.cli("status").out
    seen = feed.wait("view", lambda e: e["to"] == "down")[0]
    assert (seen["site"], seen["location"], seen["from"], seen["look"]["status"]) == ("shop", "us", "suspected", 503)
    assert not feed.events("incident") and not mail.messages

    cluster.daemon["collector"].kill()
    cluster.begin("collector")
    assert views(cluster) == {"eu": "up", "us": "down"}
    rounds(cluster, "shop", 2)
    assert views(cluster) == {"eu": "up", "us": "down"} and not mail.messages

    shop.becomes(BAD)
    mail.wait(1, "[down]")
    where, who = places_of(cluster)
    assert where == {"eu", "us"} and {"anna", "bert"} <= who, (where, who)
    assert "Confirmed from 2 of 2 locations." in cluster.cli("explain", "shop").out

    shop.becomes(b.healthy())
    mail.wait(1, "[back]")
    wait_views(cluster, eu="up", us="up")
    assert len(mail.messages) == 2 and len(cluster.ledger.incidents("shop")) == 1
    for place in ("eu", "us"):
        until(lambda place=place: not holes(cluster, place), 20, lambda place=place: holes(cluster, place))


def test_a_location_whose_workers_died_is_unknown_and_the_other_goes_on(cluster, village, mail):
    shop = begin(cluster, village, mail, eu=["anna", "bert"], us=["carl", "dora"])
    wait_views(cluster, eu="up", us="up")
    for name in ("carl", "dora"):
        cluster.daemon[name].kill()
    wait_views(cluster, 20, eu="up", us="unknown")
    assert cluster.ledger.health("shop") == "up" and not mail.messages
    until(lambda: cluster.ask("status")[0]["missed"] > 0, 10, "looks from there are missed")
    until(lambda: "eu 2 ready, us nobody" in cluster.cli("status").out, 10, lambda: cluster.cli("status").out)
    (status,) = cluster.ask("status")
    assert {x["location"]: x["ready"] for x in status["locations"]} == {"eu": 2, "us": 0}

    shop.becomes(BAD)
    mail.wait(1, "[down]")
    where, who = places_of(cluster)
    assert where == {"eu"} and who == {"anna", "bert"}, (where, who)
    text = cluster.cli("explain", "shop").out
    assert "Confirmed from 1 of 2 locations; the others could not look" in text, text

    cluster.begin("worker", "carl", sets=["worker.location=us", "worker.user_agent=from-us"])
    wait_views(cluster, eu="down", us="down")
    shop.becomes(b.healthy())
    mail.wait(1, "[back]")
    wait_views(cluster, eu="up", us="up")
    assert len(mail.messages) == 2


def test_a_location_that_the_cluster_has_not_is_refused(cluster):
    cluster.settings.update(PLACES)
    path = cluster.folder / "sites.yaml"
    path.write_text("sites:\n  - url: http://shop.watch.test\n    locations: [eu, moon]\n")
    said = cluster.cli("apply", "-f", path)
    assert said.status == 1
    assert "sites.yaml:3: locations: 'moon' is not one of the cluster's locations (eu, us)" in said.err, said
    assert not cluster.store_path.exists()
