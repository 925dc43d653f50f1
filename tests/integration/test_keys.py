"""Nobody takes part without a key: links with keys, joining by one line, strangers, revoking."""

from pathlib import Path

import pytest
import zmq

from harness import behaviours as b
from harness.archipelago import Archipelago, impossible
from harness.ledger import now_us
from harness.patience import stays, until
from harness.process import Process, free_port
from harness.programs import BIN, environment, run, vedette
from harness.stories import gapless, quick, rounds

LANES = ("control", "results", "feed", "feedback", "jobs")


@pytest.fixture
def keyed(cluster, village):
    """A cluster whose lanes need keys although they are on loopback, and a site; nothing runs yet."""
    ports = set()
    for lane in LANES:
        port = free_port()
        while port in ports:
            port = free_port()
        ports.add(port)
        cluster.settings[f"endpoint.{lane}"] = f"tcp://127.0.0.1:{port}"
    cluster.settings["keys.loopback"] = "true"
    cluster.settings["keys.server_file"] = str(cluster.folder / "server.key")
    made = cluster.cli("keygen")
    assert made.status == 0, made
    cluster.apply(sites=[quick("steady", village.site("steady", b.healthy()).url())])
    return cluster


def token(cluster, *options, location="local"):
    said = cluster.cli("token", "--location", location, *options)
    assert said.status == 0 and len(said.out.split()) == 1, said
    return said.out.strip()


def join(cluster, name, line, *sets, wrap=(), resolver=None):
    """A worker that is told nothing of the cluster but the token (and what the tests' sites need)."""
    own = [f"worker.name={name}", "worker.threads=1", "worker.allow=127.0.0.0/8, 10.0.0.0/8", "log.level=debug",
           f"worker.resolver={resolver or cluster.settings['worker.resolver']}", *sets]
    args = [*wrap, BIN / "vedette-worker", "--join", line]
    for s in own:
        args += ["--set", s]
    cluster.daemon[name] = Process(name, args, cluster.folder / f"{name}.log", env=environment())
    return cluster.daemon[name]


def looked(cluster, worker, since_us=0):
    return [x for x in cluster.ledger.looks("steady", since_us) if x.worker == worker]


def wait_looks(cluster, worker, n=2):
    since = now_us()
    until(lambda: len(looked(cluster, worker, since)) >= n, 10,
          lambda: f"{worker} looks; {cluster.ledger.tail('steady')}")


def dropped(cluster):
    found = cluster.ask("status")
    return found[0].get("malformed", 0) if found else 0


def test_one_line_is_all_that_a_worker_needs(keyed):
    keyed.start(workers=())
    line = token(keyed, "--name", "rack7")
    worker = join(keyed, "w1", line)
    worker.says(r"lane\.welcomed")
    wait_looks(keyed, "w1")
    # A second one by the same key, as a Deployment has it; and one of this host, by the cluster's own.
    join(keyed, "w2", line).says(r"lane\.welcomed")
    keyed.begin("worker", "local").says(r"lane\.welcomed")
    wait_looks(keyed, "w2")
    wait_looks(keyed, "local")
    # Nobody who looks at the processes of that host learns the key, and nobody logs it.
    assert line not in Path(f"/proc/{worker.pid}/cmdline").read_text()
    key = Path(keyed.settings["keys.server_file"]).read_text().split("secret ")[1].strip()
    for log in keyed.folder.glob("*.log"):
        assert line not in log.read_text(errors="replace") and key not in log.read_text(errors="replace"), log
    worker.stop()
    rounds(keyed, "steady", 2, "up")
    gapless(keyed, "steady")


def test_a_revoked_worker_is_out_within_seconds(keyed):
    keyed.start(workers=())
    goes = join(keyed, "goes", token(keyed, "--name", "stolen"))
    join(keyed, "stays", token(keyed, "--name", "good"))
    wait_looks(keyed, "goes")
    wait_looks(keyed, "stays")
    said = keyed.cli("token", "--revoke", "stolen")
    assert said.status == 0 and "key 1 is revoked" in said.out, said
    time_of_revoking = now_us()
    for part in ("coordinator", "collector"):
        keyed.daemon[part].says(r"keys\.revoked keys=1 left=1", within=5)
    wait_looks(keyed, "stays")
    until(lambda: now_us() > time_of_revoking + 5_000_000, 10, "5 s have passed")
    since = now_us()
    rounds(keyed, "steady", 6, "up")
    assert not looked(keyed, "goes", since), looked(keyed, "goes", since)
    goes.says(r"lane\.turned_away .* does not let this worker's key in", within=25)
    gapless(keyed, "steady")
    rows = {k["name"]: k for k in keyed.ask("token", "--list")}
    assert rows["stolen"]["revoked"] and not rows["good"]["revoked"]
    # It asks less and less often, and what it asks is counted.
    assert dropped(keyed) > 0


def test_a_key_has_an_end(keyed):
    keyed.start(workers=())
    line = token(keyed, "--name", "lent", "--expires", "12s")
    join(keyed, "lent", line).says(r"lane\.welcomed")
    join(keyed, "own", token(keyed)).says(r"lane\.welcomed")
    wait_looks(keyed, "lent")
    for part in ("coordinator", "collector"):
        keyed.daemon[part].says(r"keys\.revoked keys=1 left=1", within=20)
    keyed.daemon["coordinator"].says(r"malformed.* it was not let in at \S+: this key has expired", within=20)
    keyed.daemon["lent"].says(r"lane\.turned_away .* whose token expired at 20", within=40)
    wait_looks(keyed, "own")
    rows = {k["name"]: k for k in keyed.ask("token", "--list")}
    assert rows["lent"]["expires"] and not rows["lent"]["revoked"] and not rows[""]["expires"]
    listed = keyed.cli("token", "--list")
    assert "EXPIRES" in listed.out, listed


def test_a_token_of_another_cluster_is_told(keyed):
    keyed.start(workers=())
    other = keyed.folder / "other.key"
    assert keyed.cli("keygen", str(other)).status == 0
    lost = join(keyed, "lost", token(keyed, "--set", f"keys.server_file={other}"))
    lost.says(r"lane\.turned_away .* it has another key than the cluster that this worker's token is for", within=40)
    keyed.daemon["coordinator"].says(r"malformed.* peer=127\.0\.0\.1 ")
    until(lambda: dropped(keyed) > 0, 5, "it is counted")
    assert lost.alive()


def test_one_key_confirms_nothing_of_its_own(keyed, village):
    """Three workers of one key and one of another: each outage is seen by both keys."""
    site = village.site("falls", b.status(500))
    keyed.start(workers=())
    line = token(keyed, "--name", "many")
    for name in ("m1", "m2", "m3"):
        join(keyed, name, line).says(r"lane\.welcomed")
    join(keyed, "other", token(keyed, "--name", "one")).says(r"lane\.welcomed")
    until(lambda: len(keyed.ask("workers")) == 4, 10, "the collector knows them")
    keyed.apply(sites=[quick("steady", village.site("steady", b.healthy()).url()), quick("falls", site.url())])
    keyed.wait_health("falls", "down", 30)
    said = keyed.cli("explain", "falls").out
    looked = {w for w in ("m1", "m2", "m3", "other") if w in said}
    assert "other" in looked and looked & {"m1", "m2", "m3"}, said


def test_strangers_hear_and_say_nothing(keyed):
    keyed.start(workers=())
    join(keyed, "w1", token(keyed)).says(r"lane\.welcomed")
    wait_looks(keyed, "w1")
    public = Path(keyed.settings["keys.server_file"]).read_text().split("public ")[1].split()[0].encode()
    speaks = {"control": zmq.DEALER, "results": zmq.PUSH, "feedback": zmq.PUSH, "feed": zmq.SUB, "jobs": zmq.PULL}
    context = zmq.Context()
    sockets = []
    try:
        for lane, kind in speaks.items():
            for with_key in (True, False):
                s = context.socket(kind)
                s.linger = 0
                s.set_hwm(10)
                if with_key:
                    s.curve_publickey, s.curve_secretkey = zmq.curve_keypair()
                    s.curve_serverkey = public
                if lane == "feed":
                    s.subscribe(b"")
                s.connect(keyed.settings[f"endpoint.{lane}"])
                sockets.append(s)

        def heard():
            for s in sockets:
                if s.type in (zmq.DEALER, zmq.PUSH) and s.poll(0, zmq.POLLOUT):
                    s.send(b"let me in", zmq.DONTWAIT)
            return any(s.poll(0) for s in sockets if s.type != zmq.PUSH)

        before = keyed.ledger.count("steady", "up")
        stays(lambda: not heard(), 3, "no stranger hears anything")
        assert keyed.ledger.count("steady", "up") > before
        for part in ("coordinator", "collector"):
            keyed.daemon[part].says(r"malformed.* peer=127\.0\.0\.1 .*(not let in|not ZeroMQ)")
        until(lambda: dropped(keyed) > 0, 5, "they are counted")
        pids = [p.pid for p in keyed.daemon.values() if p.alive()]
        assert len(pids) == 3
    finally:
        context.destroy(0)


def test_a_key_is_for_one_location_and_one_name(keyed):
    keyed.settings["locations"] = "local, us"
    keyed.start(workers=())
    first = join(keyed, "first", token(keyed))
    first.says(r"lane\.welcomed")
    wait_looks(keyed, "first")
    thief = join(keyed, "first2", token(keyed, location="us"), "worker.name=first")
    assert thief.ended() == 1
    assert "another key's worker has this name" in thief.said()
    keyed.daemon["coordinator"].says(r"worker\.refused worker=first .*another key's worker has this name")
    until(lambda: dropped(keyed) > 0, 5, "it is counted")
    wait_looks(keyed, "first")
    assert first.alive()


def test_the_news_are_for_who_has_a_key(keyed):
    keyed.start(workers=())
    join(keyed, "w1", token(keyed)).says(r"lane\.welcomed")
    said = keyed.cli("token", "--role", "operator-read")
    assert said.status == 0, said
    secret = keyed.folder / "watch.token"
    secret.write_text(said.out)
    secret.chmod(0o600)
    there = vedette("watch", "--json", "--for", "8s", "--set", f"operator.join_file={secret}")
    assert there.status == 0 and there.lines(), there
    status = vedette("status", "--json", "--set", f"operator.join_file={secret}")
    assert status.status == 0, status
    told = status.lines()[0]
    assert told["workers"] == {"ready": 1, "all": 1} and told["sites"]["all"] == 1, told
    assert told["concluded"] >= 1 and told["feed"] == keyed.settings["endpoint.feed"], told
    said = vedette("status", "--set", f"operator.join_file={secret}")
    assert said.status == 0 and "1 ready of 1" in said.out and "told by the feed" in said.out, said
    secret.chmod(0o644)
    open_to_all = vedette("watch", "--for", "1s", "--set", f"operator.join_file={secret}")
    assert open_to_all.status == 1 and "chmod 600" in open_to_all.err, open_to_all
    wrong = vedette("watch", "--for", "1s", "--set", f"operator.join={token(keyed)}")
    assert wrong.status == 1 and "is for the role 'worker'" in wrong.err, wrong


def test_a_daemon_refuses_what_would_not_be_safe(keyed):
    key = Path(keyed.settings["keys.server_file"])
    assert key.stat().st_mode & 0o777 == 0o600

    def refused(part, *words, sets=()):
        args = []
        for s in sets:
            args += ["--set", s]
        said = run(f"vedette-{part}", "--config", keyed.config, *args)
        assert said.status == 1 and all(w in said.err for w in words), said

    key.chmod(0o640)
    for part in ("coordinator", "collector", "worker"):
        refused(part, "keys.server_file", "open to others than its owner", f"chmod 600 {key}")
    key.chmod(0o600)
    again = keyed.cli("keygen")
    assert again.status == 1 and "never written over" in again.err, again
    key.rename(key.with_suffix(".away"))
    refused("coordinator", "there is no file", "vedette keygen")
    far = ["keys.server_file=", "keys.loopback=false", "endpoint.control=tcp://0.0.0.0:7711"]
    for part in ("coordinator", "collector", "worker"):
        refused(part, "endpoint.control", "need keys", "vedette keygen", sets=far)


@pytest.mark.parametrize("line, words", [
    ("", "worker.join"), ("nonsense!", "this is no token"), ("QUJD", "not a whole token"),
], ids=["empty", "nonsense", "short"])
def test_a_token_that_is_none_is_told_in_a_sentence(line, words):
    said = run("vedette-worker", "--join", line or "A")
    assert said.status == 1 and (words in said.err), said
    assert len(said.err.strip().splitlines()) == 1, said


def test_tokens_need_what_they_name(keyed):
    def refused(*args, words):
        said = keyed.cli("token", *args)
        assert said.status == 1 and words in said.err and not said.out, said

    refused("--location", "nowhere", words="is not one of locations")
    refused(words="--location NAME is missing")
    refused("--revoke", "nobody", words="nobody who is let in")
    refused("--location", "local", "--expires", "soon", words="is not a duration")
    refused("--location", "local", "--address", "a:1", "--address", "a:1", words="said twice")
    refused("--revoke", "1", "--expires", "30d", words="are for a new token")
    refused("--role", "king", "--location", "local", words="operator-read")
    keyed.settings["endpoint.control"] = "tcp://0.0.0.0:7711"
    refused("--location", "local", words="endpoint.advertise")
    keyed.settings["endpoint.control"] = "ipc:///tmp/x"
    refused("--location", "local", words="other hosts cannot reach")
    assert keyed.ask("token", "--list") == []


@pytest.mark.skipif(bool(impossible()), reason=impossible())
def test_a_worker_on_another_host(cluster):
    """Two network namespaces: the coordinator and the collector listen everywhere, the worker knows one line."""
    with Archipelago() as isles:
        for lane, port in zip(LANES, (7711, 7712, 7713, 7714, 7720)):
            cluster.settings[f"endpoint.{lane}"] = f"tcp://0.0.0.0:{port}"
        cluster.settings["endpoint.feedback"] = "tcp://127.0.0.1:7714"
        cluster.settings["keys.server_file"] = str(cluster.folder / "server.key")
        assert cluster.cli("keygen").status == 0
        cluster.apply(sites=[quick("steady", isles.site(1))])
        for part in ("coordinator", "collector"):
            cluster.begin(part, wrap=isles.on_mainland)
        line = token(cluster, "--address", "10.99.0.1")
        far = join(cluster, "far", line, wrap=isles.on_island, resolver=isles.resolver)
        welcomed = far.says(r"lane\.welcomed .*")
        assert "jobs=tcp://10.99.0.1:7720 results=tcp://10.99.0.1:7712" in welcomed.group(0)
        wait_looks(cluster, "far")
        cluster.wait_health("steady", "up")
        near = cluster.begin("worker", "near", wrap=isles.on_mainland,
                             sets=[f"worker.resolver={isles.mainland_resolver}", "worker.allow=10.0.0.0/8"])
        near.says(r"lane\.welcomed")
        wait_looks(cluster, "near")
        cluster.stop()
