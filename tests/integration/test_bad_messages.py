"""Garbage and too much of it, sent to every port: counted, logged once, dropped."""

import os
import socket
import struct

import pytest
import zmq

from harness import behaviours as b
from harness.patience import until
from harness.process import free_port
from harness.stories import gapless, quick, rounds

HEARD = 256 << 10  # ZeroMQ ends the connection of whoever sends more
FAR_TOO_LARGE = b"x" * (20 << 20)

# What a stranger may send, by name. The ceiling of a message is 64 KiB.
GARBAGE = {
    "empty": b"",
    "one-byte": b"\xff",
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "noise": bytes((i * 73 + 11) & 255 for i in range(500)),
    "field-without-end": b"\x0a\xff\xff\xff\xff\x0f" + b"x" * 50,
    "deep": b"\x0a" * 3000,
    "large": b"\x12" * 65000,
    "too-large": b"x" * 70000,
    "huge": b"x" * (4 << 20),
}


@pytest.fixture
def on_tcp(cluster, village):
    """A running cluster whose lanes are TCP ports: {lane: endpoint}."""
    ports = {}
    for lane in ("control", "results", "feed", "feedback", "jobs"):
        while lane not in ports or ports[lane] in [p for x, p in ports.items() if x != lane]:
            ports[lane] = free_port()
    endpoints = {lane: f"tcp://127.0.0.1:{p}" for lane, p in ports.items()}
    for lane, endpoint in endpoints.items():
        cluster.settings[f"endpoint.{lane}"] = endpoint
    site = village.site("steady", b.healthy())
    cluster.apply(sites=[quick("steady", site.url())])
    cluster.start()
    rounds(cluster, "steady", 1)
    return endpoints


OWNER = {"control": "coordinator", "results": "collector", "feedback": "coordinator", "feed": "collector",
         "jobs": "coordinator"}
SPEAKS = {"control": zmq.DEALER, "results": zmq.PUSH, "feedback": zmq.PUSH, "feed": zmq.SUB, "jobs": zmq.PULL}


def works_on(cluster):
    pids = {n: p.pid for n, p in cluster.daemon.items()}
    rounds(cluster, "steady", 3, "up", within=20)
    for name, process in cluster.daemon.items():
        assert process.alive() and process.pid == pids[name], name
    gapless(cluster, "steady")


@pytest.mark.parametrize("lane", ["control", "results", "feedback"])
def test_garbage_on_a_lane(cluster, on_tcp, lane):
    context = zmq.Context()
    try:
        for parts in ([g] for g in GARBAGE.values()):
            s = context.socket(SPEAKS[lane])
            s.linger = 2000
            s.connect(on_tcp[lane])
            for _ in range(50):
                s.send_multipart(parts)
            s.close()
        s = context.socket(SPEAKS[lane])
        s.linger = 2000
        s.connect(on_tcp[lane])
        for n in (2, 5, 100):
            s.send_multipart([b"part"] * n)
        s.close()
        victim = cluster.daemon[OWNER[lane]]
        victim.says(r" warn \S+ \S+\.malformed ", within=15)
        works_on(cluster)
    finally:
        context.destroy(0)
    least = 50 * sum(len(g) <= HEARD for g in GARBAGE.values())
    until(lambda: cluster.ask("status")[0]["malformed"] >= least, 10, lambda: cluster.cli("status"))
    assert "malformed messages dropped" in cluster.cli("status").out
    # Once a minute for each kind of complaint, however much came; with the peer.
    complaints = [x for x in victim.said().splitlines() if " warn " in x]
    kinds = {x.split()[3] for x in complaints}
    assert len(complaints) <= 2 * len(kinds), complaints
    assert all("127.0.0.1" in x for x in complaints if ".malformed" in x), complaints


def complaints_of(process, event):
    return [x for x in process.said().splitlines() if f" {event} " in x]


def malformed(cluster):
    return cluster.ask("status")[0].get("malformed", 0)  # they have said nothing of themselves yet


def test_20_mb_on_every_lane_of_the_daemons(cluster, on_tcp):
    context = zmq.Context()
    lanes = {"control": ("coordinator", "control.malformed"), "feedback": ("coordinator", "feedback.malformed"),
             "results": ("collector", "ingest.malformed")}
    try:
        for n in (1, 2, 3):
            for lane in lanes:
                s = context.socket(SPEAKS[lane])
                s.connect(on_tcp[lane])
                s.send(FAR_TOO_LARGE, copy=False)
            until(lambda n=n: malformed(cluster) == n * len(lanes), 10, lambda: cluster.cli("status"))
        works_on(cluster)
    finally:
        context.destroy(0)
    for owner, event in lanes.values():
        said = complaints_of(cluster.daemon[owner], event)
        assert len(said) == 1 and " peer=127.0.0.1 dropped=1 total=1: " in said[0], said
        assert f"more than {HEARD} bytes" in said[0], said
    # Comings and goings of those that keep to the rules are none of it.
    cluster.daemon["worker"].stop()
    cluster.begin("worker")
    works_on(cluster)
    assert malformed(cluster) == 3 * len(lanes)


def test_20_mb_to_the_workers(cluster, on_tcp):
    """In the coordinator's place, while it is away. The workers take jobs from it again afterwards."""
    cluster.daemon["coordinator"].stop()
    context = zmq.Context()
    try:
        s = context.socket(zmq.PUSH)
        s.bind(on_tcp["jobs"])
        s.send(FAR_TOO_LARGE, copy=False)
        worker = cluster.daemon["worker"]
        worker.says(r" warn \S+ jobs\.malformed .*peer=127\.0\.0\.1 dropped=1 total=1: ", within=15)
    finally:
        context.destroy(0)
    cluster.begin("coordinator")
    rounds(cluster, "steady", 3, "up", within=20)
    assert worker.alive()


@pytest.mark.parametrize("lane", sorted(OWNER))
def test_what_is_not_zeromq_at_all(cluster, on_tcp, lane):
    host, port = on_tcp[lane].removeprefix("tcp://").split(":")
    greeting = b"\xff" + struct.pack(">Q", 1) + b"\x7f"
    for junk in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" + os.urandom(500), os.urandom(5000),
                 greeting, greeting + b"\x03\x00NULL" + b"\0" * 48, greeting + os.urandom(5000)):
        for _ in range(5):
            with socket.create_connection((host, int(port)), timeout=5) as s:
                try:
                    s.sendall(junk)
                except OSError:
                    pass
    works_on(cluster)


def test_a_crowd_that_connects_and_says_nothing(cluster, on_tcp):
    crowd = []
    try:
        for lane in ("control", "results"):
            host, port = on_tcp[lane].removeprefix("tcp://").split(":")
            for _ in range(100):
                crowd.append(socket.create_connection((host, int(port)), timeout=5))
        works_on(cluster)
    finally:
        for s in crowd:
            s.close()


def test_a_subscriber_that_does_not_read(cluster, on_tcp):
    context = zmq.Context()
    try:
        s = context.socket(zmq.SUB)
        s.rcvhwm = 1
        s.subscribe(b"")
        s.connect(on_tcp["feed"])
        works_on(cluster)
    finally:
        context.destroy(0)


def test_a_coordinator_that_talks_nonsense(cluster, village, world):
    """A worker that hears garbage on its own lanes goes on saying hello."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    try:
        cluster.settings["endpoint.control"] = f"tcp://127.0.0.1:{port}"
        worker = cluster.begin("worker", wait=False)
        poller = zmq.Poller()
        poller.register(router, zmq.POLLIN)
        hellos = 0

        def hello():
            nonlocal hellos
            if poller.poll(50):
                peer, *_ = router.recv_multipart()
                hellos += 1
                for garbage in GARBAGE.values():
                    if len(garbage) < 65000:
                        router.send_multipart([peer, garbage])
            return hellos >= 2

        until(hello, 15, lambda: f"two hellos of the worker; {hellos} came; {worker.said()[-2000:]}")
        assert worker.alive()
        worker.stop()
    finally:
        context.destroy(0)
