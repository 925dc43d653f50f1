"""Wrong lists, wrong URLs, wrong settings: refused with the place, the field and the reason."""

import pytest

from harness.programs import check, environment, run, vedette

# text of the file, line of the mistake, words that its message must have
LISTS = {
    "every-without-unit": ("sites:\n  - url: http://a.test\n    every: 5\n", 3, ["every", "duration"]),
    "every-too-short": ("sites:\n  - url: http://a.test\n    every: 1ms\n", 3, ["every", "100ms"]),
    "timeout-too-long": ("sites:\n  - url: http://a.test\n    timeout: 1h\n", 3, ["timeout", "2m"]),
    "timeout-above-every": ("sites:\n  - url: http://a.test\n    every: 1s\n    timeout: 5s\n", 4, ["timeout", "every"]),
    "no-such-field": ("sites:\n  - url: http://a.test\n    evry: 5m\n", 3, ["evry", "every"]),
    "no-such-top-field": ("sitse:\n  - http://a.test\n", 1, ["sitse", "sites"]),
    "method": ("sites:\n  - url: http://a.test\n    method: POST\n", 3, ["method", "POST"]),
    "status": ("sites:\n  - url: http://a.test\n    expect: {status: 20x}\n", 3, ["expect.status"]),
    "status-range": ("sites:\n  - url: http://a.test\n    expect: {status: 299-200}\n", 3, ["expect.status"]),
    "looks": ("sites:\n  - url: http://a.test\n    confirm: {looks: 99}\n", 3, ["confirm.looks", "99"]),
    "within": ("sites:\n  - url: http://a.test\n    confirm: {within: soon}\n", 3, ["confirm.within", "soon"]),
    "paused": ("sites:\n  - url: http://a.test\n    paused: maybe\n", 3, ["paused", "maybe"]),
    "no-url": ("sites:\n  - name: shop\n", 2, ["url"]),
    "site-is-a-list": ("sites:\n  - [a, b]\n", 2, ["url"]),
    "owner-unknown": ("sites:\n  - url: http://a.test\n    owner: nobody\n", 3, ["owner", "nobody"]),
    "owner-nearly": (
        "owners:\n  - name: shop-team\n    notify: [\"console:\"]\nsites:\n  - url: http://a.test\n    owner: shopteam\n",
        6, ["owner", "shopteam", "shop-team"],
    ),
    "channel-unknown": ("owners:\n  - name: us\n    notify: [\"pigeon:home\"]\nsites: []\n", 3, ["notify", "pigeon"]),
    "channel-mail": ("owners:\n  - name: us\n    notify: [\"mailto:nobody\"]\nsites: []\n", 3, ["notify", "nobody"]),
    "channel-hook": ("owners:\n  - name: us\n    notify: [\"webhook:ftp://x.test\"]\nsites: []\n", 3, ["notify"]),
    "channel-exec": ("owners:\n  - name: us\n    notify: [\"exec:tell\"]\nsites: []\n", 3, ["notify", "path"]),
    "owner-no-channel": ("owners:\n  - name: us\nsites: []\n", 2, ["notify"]),
    "owner-twice": (
        "owners:\n  - {name: us, notify: [\"console:\"]}\n  - {name: us, notify: [\"console:\"]}\nsites: []\n",
        3, ["us", "2"],
    ),
    "url-twice": ("sites:\n  - http://a.test\n  - http://b.test\n  - http://A.test/\n", 4, ["a.test", "2"]),
    "name-twice": (
        "sites:\n  - {url: 'http://a.test', name: x}\n  - {url: 'http://b.test', name: x}\n", 3, ["name", "x", "2"]
    ),
    "key-twice": ("sites:\n  - url: http://a.test\n    url: http://b.test\n", 3, ["url", "twice"]),
    "not-yaml": ("sites:\n  - url: [http://a.test\n", 3, []),
    "tab": ("sites:\n\t- http://a.test\n", 2, []),
    "ftp": ("sites:\n  - ftp://a.test\n", 2, ["http"]),
    "password": ("sites:\n  - http://me:secret@a.test/\n", 2, ["password"]),
}

URLS = {
    "scheme": ("ftp://example.test/", "neither http nor https"),
    "no-scheme": ("example.test", "http://example.test"),
    "file": ("file:///etc/passwd", "neither http nor https"),
    "user": ("http://me@example.test/", ""),
    "password": ("http://me:secret@example.test/", ""),
    "no-host": ("http:///path", "no host"),
    "port-0": ("http://example.test:0/", "port 0"),
    "port-large": ("http://example.test:65536/", "65535"),
    "port-word": ("http://example.test:http/", "not a number"),
    "control": ("http://example.test/\x07", "control character"),
    "newline": ("http://example.test/\nHost: x", "control character"),
    "space": ("http://example.test/a b", "space"),
    "backslash": ("http://a.test\\@b.test/", "backslash"),
    "too-long": ("http://example.test/" + "x" * 2048, "2048"),
    "empty": ("", "empty"),
    "dots": ("http://a..test/", "empty part"),
    "zone": ("http://[fe80::1%25eth0]/", "zone"),
}


@pytest.mark.parametrize("case", LISTS, ids=str)
def test_a_wrong_list_names_file_line_and_field_and_nothing_is_applied(tmp_path, case):
    text, line, words = LISTS[case]
    store = f"sqlite:{tmp_path}/v.db"
    good = tmp_path / "good.yaml"
    good.write_text("sites:\n  - {url: 'http://kept.test', name: kept}\n")
    assert vedette("apply", "--store", store, "-f", good).status == 0
    path = tmp_path / "wrong.yaml"
    path.write_text(text + ("" if "sites" in text else "sites: []\n"))
    said = vedette("apply", "--store", store, "-f", path, "--prune")
    assert said.status == 1, said
    complaint = [x for x in said.err.splitlines() if f"wrong.yaml:{line}:" in x]
    assert complaint, said
    for w in words:
        assert w in complaint[0], (w, complaint)
    if case == "password":
        assert "secret" not in said.err, "secrets are not repeated"
    names = [s["name"] for s in vedette("sites", "--json", "--store", store).lines()]
    assert names == ["kept"]


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("sites:\n  - ftp://a.test\n  - url: http://b.test\n    every: 5\n  - url: http://c.test\n    owner: x\n")
    said = vedette("check", "-f", path)
    assert said.status == 1
    for line in (2, 4, 6):
        assert f"wrong.yaml:{line}:" in said.err, said


@pytest.mark.parametrize("case", URLS, ids=str)
def test_a_wrong_url_is_refused_with_the_reason(case):
    url, words = URLS[case]
    answers, said = check(url)
    assert said.status == 1 and not answers, said
    assert words in said.err, said
    assert "secret" not in said.err


def test_a_url_twice_on_the_command_line_is_looked_at_once(world):
    url = world.web.sites["plain"].url
    answers, said = check(url, url, url.rstrip("/"), resolver=world.resolver.address)
    assert said.status == 0, said
    assert len(said.lines()) == 1
    assert url in said.err, "the duplicates are named"


def test_lists_that_cannot_be_read(tmp_path):
    said = vedette("check", "-f", tmp_path / "missing.yaml")
    assert said.status == 1 and "missing.yaml" in said.err
    said = vedette("check", "-f", tmp_path)
    assert said.status == 1 and str(tmp_path) in said.err
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    assert vedette("check", "-f", empty).status == 1
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(bytes(range(256)) * 100)
    assert vedette("check", "-f", binary).status == 1


SETTINGS = {
    "no-such": ("worker:\n  slotss: 5\n", 2, ["worker.slotss", "worker.slots"]),
    "not-a-number": ("worker:\n  slots: many\n", 2, ["worker.slots", "many"]),
    "not-a-duration": ("coordinator:\n  grace: 5\n", 2, ["coordinator.grace"]),
    "public-endpoint": ("endpoint:\n  control: tcp://0.0.0.0:7711\n", None, ["0.0.0.0"]),
    "other-host": ("endpoint:\n  results: tcp://192.0.2.1:7712\n", None, ["192.0.2.1"]),
    "network": ("worker:\n  allow: 10.0.0.0/99\n", 2, ["worker.allow"]),
    "log-level": ("log:\n  level: loud\n", 2, ["log.level", "loud"]),
}


@pytest.mark.parametrize("case", SETTINGS, ids=str)
@pytest.mark.parametrize("program", ["vedette-coordinator", "vedette-worker", "vedette-collector"])
def test_wrong_settings_end_a_daemon_with_a_sentence(tmp_path, case, program):
    text, line, words = SETTINGS[case]
    path = tmp_path / "vedette.yaml"
    path.write_text(text)
    said = run(program, "--config", path)
    assert said.status == 1, said
    if line:
        assert f"vedette.yaml:{line}" in said.err, said
    for w in words:
        assert w in said.err, said
    assert len(said.err.strip().splitlines()) == 1, said


def test_a_setting_in_the_environment_that_does_not_exist_is_named():
    said = vedette("check", "http://127.0.0.1:9", env=environment(VEDETTE_WORKER_SLOTSS="5"))
    assert said.status == 1 and "VEDETTE_WORKER_SLOTSS" in said.err, said


def test_a_password_file_that_others_may_read_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("words\n")
    secret.chmod(0o644)
    said = vedette("status", "--set", f"mail.password_file={secret}", "--store", f"sqlite:{tmp_path}/v.db")
    assert said.status == 1 and str(secret) in said.err, said
