"""What the daemons show of themselves over HTTP, and who reads it: people, Prometheus, the rules, the dashboard."""

import json
import re
import signal
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
import yaml
import zmq

from harness import behaviours as b
from harness.patience import until
from harness.process import Process, free_port, program
from harness.programs import ROOT, environment
from harness.scrape import Page, get, shown
from harness.stories import owner, quick, rounds

PARTS = ("coordinator", "collector", "worker")
ANYWHERE = {f"metrics.{part}": "127.0.0.1:0" for part in PARTS}
RULES = ROOT / "deploy/prometheus/vedette.rules.yml"
DASHBOARD = ROOT / "deploy/grafana/vedette.json"


@pytest.fixture
def watched(cluster, village):
    """A cluster whose daemons show their pages, with two sites: one up, one down. Where each shows its own."""
    cluster.settings.update(ANYWHERE)
    fine, bad = village.site("fine", b.healthy()), village.site("bad", b.status(500))
    cluster.apply(
        owners=[owner("us", "console:")],
        sites=[quick("fine", fine.url(), owner="us"), quick("bad", bad.url(), owner="us")],
    )
    cluster.start()
    rounds(cluster, "fine", 2, "up")
    cluster.wait_health("bad", "down")
    places = {part: shown(cluster.daemon[part]) for part in PARTS}
    for at in places.values():  # numbers are up to a second old
        until(lambda at=at: Page(at).value("vedette_ready") == 1, 10, lambda at=at: get(at, "/-/ready"))
    for part, name, least, labels in (
        ("coordinator", "runs_concluded_total", 4, {}),
        ("worker", "looks_total", 2, {"verdict": "up"}),
        ("worker", "looks_total", 3, {"verdict": "down"}),
        ("collector", "looks_total", 2, {"look": "scheduled", "verdict": "up"}),
        ("collector", "deliveries_total", 1, {"channel": "console", "outcome": "sent"}),
        ("collector", "incidents_open", 1, {}),
    ):
        until(lambda: (Page(places[part]).value(f"vedette_{part}_{name}", **labels) or 0) >= least, 15, (name, labels))
    return places


def manual():
    """{name: (labels, kind, sentence)} of vedette-metrics(7)."""
    page = (ROOT / "deploy/man/vedette-metrics.7").read_text().replace("\\-", "-")
    found = re.findall(r"^\\fB([a-z_]+)\\fR(?:\{([a-z,]+)\})? \((\w+)\)\n(.+)\.$", page, re.M)
    assert len(found) == len({name for name, *_ in found}) > 80
    return {name: (set(labels.split(",")) - {""}, kind, about) for name, labels, kind, about in found}


def names_in(expression):
    """Those of our metrics that an expression names; those that the rules record are not."""
    expression = re.sub(r"\bvedette:[a-z0-9_:]+", "", expression)
    names = set()
    for name in re.findall(r"\b(?:vedette|process)_[a-z_()|]+[a-z_]", expression):
        several = re.match(r"(.*)\((.*)\)(.*)", name)  # of {__name__=~"a_(b|c)_d"}
        names |= {several[1] + n + several[3] for n in several[2].split("|")} if several else {name}
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def expressions():
    """Every one in the rules and the dashboard."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


# ── The pages ──


def test_what_they_show_is_so(cluster, watched):
    """Also that the manual explains all of it, and that Prometheus' own checker has nothing to say."""
    explained, served = manual(), {}
    pages = {part: Page(at) for part, at in watched.items()}
    pages["sites"] = Page(watched["collector"], "/metrics/sites")
    for part, page in pages.items():
        checked = subprocess.run([program("promtool"), "check", "metrics"], input=page.text, text=True,
                                 capture_output=True, timeout=60)
        assert checked.returncode == 0 and not checked.stderr.strip(), checked
        served.update(page.families)
        for family in page.families.values():
            labels, kind, about = explained[family.name]
            assert (kind, about) == (family.kind, family.about), family.name
            assert family.labels() <= labels and (not family.samples or family.labels() == labels), family.name
        if part == "sites":
            continue
        assert page.value("vedette_build_info", program=part) == 1
        assert page.value("vedette_ready") == 1
        assert page.value("process_resident_memory_bytes") > 1e6
        assert page.value("vedette_loop_turns_total") > 5
        assert page.value("vedette_loop_silence_seconds") < 5
    assert set(served) == set(explained)

    coordinator, collector, worker = (pages[part] for part in PARTS)
    assert coordinator.value("vedette_coordinator_sites") == 2
    assert coordinator.value("vedette_coordinator_runs_concluded_total") >= 4
    assert coordinator.value("vedette_coordinator_lateness_seconds_count") >= 4
    assert coordinator.value("vedette_coordinator_workers", state="ready", location="local") == 1
    assert coordinator.value("vedette_coordinator_slots", location="local") == 200
    assert worker.value("vedette_worker_info", worker="worker", location="local") == 1
    assert worker.value("vedette_worker_looks_total", verdict="up") >= 2
    assert worker.value("vedette_worker_looks_total", cause="http_5xx") >= 3
    assert worker.value("vedette_worker_look_duration_seconds_count", verdict="down") >= 3
    assert worker.value("vedette_worker_slots") == 200
    assert 10 < worker.value("process_open_fds") < worker.value("process_max_fds")
    assert worker.value("vedette_worker_host_ports_limit") > 1000
    assert collector.value("vedette_collector_looks_total", look="scheduled", verdict="up") >= 2
    assert collector.value("vedette_collector_looks_total", look="confirming", verdict="down") >= 2
    assert collector.value("vedette_collector_sites", health="down") == 1
    assert collector.value("vedette_collector_incidents_open") == 1
    assert collector.value("vedette_collector_rounds_total", outcome="down") == 1
    assert collector.value("vedette_collector_settle_delay_seconds_count") == 1
    assert collector.value("vedette_collector_deliveries_total", channel="console", outcome="sent") == 1
    assert collector.value("vedette_collector_record_delay_seconds_count") >= 6


def test_each_site_for_those_who_ask(cluster, village, world):
    """Named as blackbox exporter names them; a site that was not looked at yet has none; one alone; none of that name."""
    fine, dead = village.site("fine", b.healthy()), village.site("dead", b.status(503))
    sealed = village.site("sealed", b.healthy(), tls=world.pki.leaf("metrics-sealed", "sealed.test").context())
    cluster.settings.update(ANYWHERE)
    cluster.apply(sites=[
        quick('a "quoted" one', fine.url()), quick("dead", dead.url()),
        quick("certified", sealed.url()),
        {**quick("paused", fine.url()), "paused": True},
    ])
    cluster.start()
    at = shown(cluster.daemon["collector"])
    cluster.wait_health("dead", "down")
    rounds(cluster, 'a "quoted" one', 2, "up")
    rounds(cluster, "certified", 1, "up")

    def page(query=""):
        return Page(at, f"/metrics/sites{query}")

    until(lambda: page().value("vedette_site_down", site="dead") == 1, 10, lambda: page().text)
    all_of_them = page()
    assert all_of_them.value("probe_success", site='a \\"quoted\\" one') == 1
    assert all_of_them.value("probe_success", site="dead") == 0
    assert all_of_them.value("probe_http_status_code", site="dead") == 503
    assert 0 < all_of_them.value("probe_duration_seconds", site="dead") < 10
    assert abs(all_of_them.value("vedette_site_last_look_timestamp_seconds", site="dead") - time.time()) < 60
    assert all_of_them.value("probe_success", site="paused") is None
    assert 79 < (all_of_them.value("probe_ssl_earliest_cert_expiry", site="certified") - time.time()) / 86400 < 81
    assert all_of_them.value("probe_ssl_earliest_cert_expiry", site="dead") is None
    assert page("?site=dead").value("vedette_site_down") == 1
    assert page("?site=nobody").text == ""
    assert "probe_success" not in Page(at).text
    assert get(shown(cluster.daemon["coordinator"]), "/metrics/sites")[0] == 404


def test_healthy_and_ready(cluster):
    """Why not is said: by a worker without a coordinator, by a collector without a store."""
    cluster.settings.update(ANYWHERE)
    cluster.apply(sites=[])
    worker, collector = (shown(cluster.begin(part)) for part in ("worker", "collector"))
    assert get(worker, "/-/healthy") == (200, "healthy\n")
    status, why = get(worker, "/-/ready")
    assert status == 503 and "lane 0: " in why
    until(lambda: "the coordinator has not welcomed it" in get(worker, "/-/ready")[1], 10, lambda: get(worker, "/-/ready"))
    coordinator = shown(cluster.begin("coordinator"))
    for at in (worker, collector, coordinator):
        until(lambda at=at: get(at, "/-/ready") == (200, "ready\n"), 10, lambda at=at: get(at, "/-/ready"))

    with sqlite3.connect(cluster.store_path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        status, why = until(
            lambda: (said := get(collector, "/-/ready"))[0] == 503 and said, 30, lambda: get(collector, "/-/ready")
        )
        assert "keeper: " in why
        assert get(collector, "/-/healthy")[0] == 200, "it waits for a database: ending it would not help"
        other.execute("ROLLBACK")
    until(lambda: get(collector, "/-/ready")[0] == 200, 30, lambda: get(collector, "/-/ready"))


def test_it_is_not_ready_once_it_ends(cluster, village):
    slow = village.site("slow", b.never_answers())
    cluster.settings.update(ANYWHERE)
    cluster.apply(sites=[{**quick("slow", slow.url()), "timeout": "30s", "every": "60s"}])
    cluster.start()
    at = shown(cluster.daemon["worker"])
    until(lambda: Page(at).value("vedette_worker_looks_in_hand") == 1, 20, "it looks")
    cluster.daemon["worker"].send(signal.SIGTERM)
    status, why = until(lambda: (said := get(at, "/-/ready"))[0] == 503 and said, 5, "it is not ready")
    assert "it is about to end" in why


def test_subscribers_and_nonsense_are_counted(cluster, watched):
    collector = watched["collector"]
    assert Page(collector).value("vedette_collector_feed_subscribers") == 0
    watch = cluster.watch()
    until(lambda: Page(collector).value("vedette_collector_feed_subscribers") == 1, 10, "one hears it")
    watch.process.stop()
    until(lambda: Page(collector).value("vedette_collector_feed_subscribers") == 0, 10, "nobody does")

    with zmq.Context() as context, context.socket(zmq.PUSH) as stranger:
        stranger.linger = 0
        stranger.connect(cluster.settings["endpoint.results"])
        for _ in range(3):
            stranger.send(b"what is no report")
        until(lambda: Page(collector).value("vedette_collector_messages_dropped_total", lane="results") == 3, 10,
              lambda: Page(collector).text)


def test_a_place_that_is_taken_hinders_nothing(cluster, village):
    """Two workers share a range of one port: the second says so, and looks all the same."""
    site = village.site("fine", b.healthy())
    port = free_port()
    cluster.settings.update({"metrics.worker": f"127.0.0.1:{port}"})
    cluster.apply(sites=[quick("fine", site.url())])
    cluster.start(workers=["w1", "w2"])
    assert shown(cluster.daemon["w1"]) == f"127.0.0.1:{port}"
    cluster.daemon["w2"].says(rf"warn worker pages\.not_shown at=127\.0\.0\.1:{port}: .*taken")
    cluster.daemon["w1"].stop()
    rounds(cluster, "fine", 2, "up", within=20)


def test_a_range_is_shared(cluster):
    port = free_port()
    cluster.settings.update({"metrics.worker": f"127.0.0.1:{port}-{port + 20}"})
    cluster.apply(sites=[])
    cluster.start(workers=["w1", "w2"])
    places = [shown(cluster.daemon[w]) for w in ("w1", "w2")]
    assert len(set(places)) == 2

    def names():
        return {labels["worker"] for at in places for _, labels, _ in Page(at).families["vedette_worker_info"].samples}

    until(lambda: names() == {"w1", "w2"}, 10, names)


# ── The log ──


def test_the_log_as_json_and_logfmt(cluster, village):
    """One event, one line, whatever is said in it."""
    site = village.site("fine", b.healthy())
    cluster.settings["log.format"] = "json"
    cluster.apply(sites=[quick("fine", site.url())])
    cluster.start(workers=())
    worker = cluster.begin("worker", sets=["log.format=logfmt"])
    rounds(cluster, "fine", 1)
    events = [json.loads(line) for line in cluster.daemon["coordinator"].said().splitlines()]
    assert {e["program"] for e in events} == {"coordinator"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["time"]) for e in events)
    assert {e["level"] for e in events} <= {"debug", "info", "warn", "error"}
    joined = [e for e in events if e["event"] == "worker.joined"]
    assert joined and joined[0]["worker"] == "worker" and joined[0]["slots"] == 200
    for line in worker.said().splitlines():
        assert re.match(r"time=\S+ level=\w+ program=worker event=[a-z_.]+( |$)", line), line


# ── The rules and the dashboard ──


def test_rules_and_dashboard_name_what_there_is():
    explained = manual()
    for where, expression in expressions():
        unknown = names_in(expression) - set(explained)
        assert not unknown, f"{where}: {unknown}"
    recorded = {r["record"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"] if "record" in r}
    used = {n for _, e in expressions() for n in re.findall(r"\bvedette:[a-z0-9_:]+", e)}
    assert used <= recorded
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    assert all(p["title"] and (p["type"] == "row" or p["targets"]) for p in panels)


def test_the_rules_as_promtool_runs_them(tmp_path):
    checked = subprocess.run([program("promtool"), "check", "rules", RULES], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked
    story = (ROOT / "tests/data/prometheus/rules_test.yml").read_text().replace("%RULES%", str(RULES))
    (tmp_path / "rules_test.yml").write_text(story)
    tested = subprocess.run([program("promtool"), "test", "rules", tmp_path / "rules_test.yml"], capture_output=True,
                            text=True, timeout=60)
    assert tested.returncode == 0, tested.stdout + tested.stderr


class Prometheus:
    """A real one, on a port of its own, that scrapes every half a second."""

    def __init__(self, folder, targets):
        self.port = free_port()
        example = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
        example["global"] = {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "500ms"}
        example["rule_files"] = [str(RULES)]
        for job in example["scrape_configs"]:
            part = job["job_name"].removeprefix("vedette-")
            job["static_configs"] = [{"targets": targets[part]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(example))
        self.process = Process(
            "prometheus",
            [program("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            folder / "prometheus.log", env=environment(), cwd=folder,
        )
        until(self.alive, 20, self.process.said)

    def alive(self):
        try:
            return self.ask("/-/ready", whole=True)
        except OSError:
            return None

    def ask(self, path, whole=False, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}?{query}", timeout=10) as answer:
            text = answer.read().decode()
        return text if whole else json.loads(text)["data"]

    def query(self, expression):
        """{frozenset of labels: number}"""
        rows = self.ask("/api/v1/query", query=expression)["result"]
        return {frozenset(row["metric"].items()): float(row["value"][1]) for row in rows}


def test_a_real_prometheus_reads_it(cluster, village, tmp_path):
    """It scrapes a running `vedette up`, has nothing against a line of it, and can ask all that rules and dashboard ask."""
    cluster.settings.update(ANYWHERE)
    ports = {part: free_port() for part in PARTS}
    cluster.settings.update({f"metrics.{part}": f"127.0.0.1:{port}" for part, port in ports.items()})
    cluster.settings["metrics.worker"] = f"127.0.0.1:{ports['worker']}-{ports['worker'] + 9}"
    site = village.site("fine", b.healthy())
    cluster.apply(sites=[quick("fine", site.url())])
    cluster.up("--verbose", workers=2)
    rounds(cluster, "fine", 1)
    text = cluster.screen.read_text() + cluster.supervisor.said()
    workers = re.findall(r"worker pages\.shown at=(\S+): ", text)
    assert len(workers) == 2, text
    targets = {"coordinator": [f"127.0.0.1:{ports['coordinator']}"], "collector": [f"127.0.0.1:{ports['collector']}"],
               "worker": workers}
    prometheus = Prometheus(tmp_path, targets)
    try:
        until(lambda: sum(prometheus.query("up").values()) == 4, 20, lambda: prometheus.ask("/api/v1/targets", whole=True))
        coverage = "vedette:coverage:ratio_rate5m"
        until(lambda: list(prometheus.query(coverage).values()) == [1], 20, lambda: prometheus.query(coverage))
        assert sum(prometheus.query("vedette_coordinator_workers{state='ready'}").values()) == 2
        assert sum(prometheus.query("sum(vedette_worker_looks_total)").values()) >= 1
        for where, expression in expressions():
            prometheus.query(expression.replace("$__rate_interval", "1m"))
        for group in prometheus.ask("/api/v1/rules")["groups"]:
            assert all(rule["health"] == "ok" for rule in group["rules"]), group
        firing = prometheus.query("ALERTS{alertstate='firing'}")
        assert not firing, firing
    finally:
        prometheus.process.stop()
