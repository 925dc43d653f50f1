"""The ways in which an owner is told, and what happens when a way is blocked."""

import json
import re
import runpy
import stat
import time

import pytest

from harness import behaviours as b
from harness.mail import Mail
from harness.patience import until
from harness.programs import ROOT
from harness.stories import first_then, gapless, owner, quick, rounds

BAD = b.status(503)


@pytest.fixture
def watched(cluster, village):
    """watched(*channels, **settings) -> the site `shop`, healthy and watched."""

    def begin(*channels, **settings):
        shop = village.site("shop", b.healthy())
        cluster.settings.update({k.replace("__", "."): v for k, v in settings.items()})
        cluster.apply(owners=[owner("us", *channels)], sites=[quick("shop", shop.url(), owner="us")])
        cluster.start()
        cluster.wait_health("shop", "up")
        return shop

    return begin


def outage(cluster, shop):
    """Down and back, as far as the store is concerned."""
    shop.becomes(BAD)
    cluster.wait_health("shop", "down")
    shop.becomes(b.healthy())
    cluster.wait_health("shop", "up")


# ── mail ─────────────────────────────────────────────────────────────────────


def test_the_mail_server_is_away_for_a_while(cluster, watched, mail):
    shop = watched("mailto:us@watch.test", mail__server=mail.url)
    mail.away()
    outage(cluster, shop)
    until(
        lambda: [n.attempts for n in cluster.ledger.notices("shop", "down")] >= [2], 10,
        lambda: f"two attempts in vain: {cluster.ledger.notices('shop')}",
    )
    assert {n.state for n in cluster.ledger.notices("shop")} == {"pending"}
    mail.back()
    mail.wait(2)
    rounds(cluster, "shop", 3)
    subjects = [m.subject for m in mail.messages]
    assert len(subjects) == 2 and "[down]" in subjects[0] and "[back]" in subjects[1], subjects


def test_the_mail_server_says_later(cluster, watched, mail):
    shop = watched("mailto:us@watch.test", mail__server=mail.url)
    mail.behaves("later")
    shop.becomes(BAD)
    until(lambda: len(mail.attempts) >= 2, 10, "two attempts")
    mail.behaves("accept")
    mail.wait(1)
    rounds(cluster, "shop", 3)
    assert len(mail.messages) == 1


def test_the_mail_server_refuses_for_good(cluster, watched, mail):
    shop = watched("mailto:us@watch.test", mail__server=mail.url)
    mail.behaves("refuse")
    shop.becomes(BAD)
    until(lambda: [n.state for n in cluster.ledger.notices("shop")] == ["failed"], 10, "given up")
    rounds(cluster, "shop", 4)
    assert len(mail.attempts) == 1, "what was refused for good is not tried again"
    mail.behaves("accept")
    shop.becomes(b.healthy())
    mail.wait(1, "[back]")  # it does not wait for ever for one that failed
    trouble = cluster.ask("notices")
    assert any("554" in str(n) or "no thank you" in str(n) for n in trouble), trouble


@pytest.mark.parametrize("tls", ["never", "starttls", "implicit"])
@pytest.mark.parametrize("login", [None, ("vedette", "secret words")], ids=["anonymous", "login"])
def test_every_kind_of_mail_server(world, cluster, watched, tls, login):
    mail = Mail(world.pki, tls, login, host="127.0.0.1", background=world.background)
    settings = {"mail__server": mail.url, "mail__tls": "never" if tls == "never" else "required",
                "mail__ca_file": world.pki.ca_file}
    if login:
        secret = cluster.folder / "password"
        secret.write_text(login[1] + "\n")
        secret.chmod(0o600)
        settings.update({"mail__user": login[0], "mail__password_file": secret})
    try:
        shop = watched("mailto:us@watch.test", **settings)
        shop.becomes(BAD)
        letter = mail.wait(1)[0]
    finally:
        mail.close()
    assert letter.tls == (tls != "never")
    assert letter.login == (login[0] if login else "")
    assert letter.sender == "vedette@watch.test"
    assert letter.message["From"] and letter.message["To"] and letter.message["Date"]
    assert "503" in letter.text


def test_no_letter_to_a_mail_server_with_a_forged_certificate(world, cluster, watched):
    mail = Mail(world.pki, "implicit", background=world.background)
    try:
        shop = watched("mailto:us@watch.test", mail__server=mail.url, mail__tls="required")  # no ca_file: unknown
        shop.becomes(BAD)
        until(
            lambda: [n.attempts > 0 for n in cluster.ledger.notices("shop")] == [True], 10,
            lambda: cluster.ledger.notices("shop"),
        )
        assert not mail.messages and not mail.attempts
    finally:
        mail.close()


def test_a_slow_channel_delays_neither_looks_nor_other_notices(cluster, watched, mail, hook):
    shop = watched("mailto:us@watch.test", hook.channel, mail__server=mail.url, mail__timeout="30s")
    mail.behaves("hang")
    before = time.time()
    shop.becomes(BAD)
    first = hook.wait(1, kind="down")[0]
    assert first.at - before < 10
    until(lambda: mail.attempts, 10, "the mail server is asked")
    rounds(cluster, "shop", 4)
    shop.becomes(b.healthy())
    hook.wait(1, kind="back")
    gapless(cluster, "shop")
    until(lambda: cluster.ledger.told("shop", "back") == 1, 5, "only the webhook is told: the mail's turn has not come")
    assert {x.cause for x in cluster.ledger.looks("shop")} <= {"none", "http_5xx"}, "no look was missed"


# ── webhooks ─────────────────────────────────────────────────────────────────


def test_a_webhook_is_signed_and_names_its_key(cluster, watched, hook):
    shop = watched(hook.channel, webhook__secret="a shared secret")
    outage(cluster, shop)
    down, back = hook.wait(1, kind="down")[0], hook.wait(1, kind="back")[0]
    for delivery in (down, back):
        assert delivery.signed_with("a shared secret"), delivery.headers
        assert not delivery.signed_with("another")
        assert delivery.headers["content-type"].startswith("application/json")
        assert delivery.key and delivery.key == delivery.json["key"]
        request = delivery.headers["x-vedette-timestamp"], delivery.headers["x-vedette-signature"], delivery.body
        example = runpy.run_path(str(ROOT / "deploy/example/receive.py"))
        assert example["genuine"](b"a shared secret", *request, now=delivery.at)
        assert not example["genuine"](b"another", *request, now=delivery.at)
        assert not example["genuine"](b"a shared secret", *request, now=delivery.at + 3600), "an old one is refused"
        members = re.findall(r"\\fB([a-z_]+)\\fR", (ROOT / "deploy/man/vedette-notice.7").read_text())
        assert set(delivery.json) <= set(members), "the manual page has every member"
    assert down.key != back.key
    assert down.json["site"]["name"] == "shop" if isinstance(down.json["site"], dict) else down.json["site"] == "shop"
    assert len(hook.deliveries) == 2


def test_a_webhook_that_fails_is_repeated_with_the_same_key_and_body(cluster, watched, hook):
    shop = watched(hook.channel)
    hook.becomes(first_then(2, b.status(500), b.status(204)))
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, lambda: cluster.ledger.notices("shop"))
    rounds(cluster, "shop", 2)
    assert len(hook.deliveries) == 3
    assert len({d.key for d in hook.deliveries}) == 1
    assert len({d.body for d in hook.deliveries}) == 1


def test_a_webhook_that_asks_for_patience_gets_it(cluster, watched, hook):
    shop = watched(hook.channel)
    hook.becomes(first_then(1, b.patience(429, 2), b.status(204)))
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 15, lambda: cluster.ledger.notices("shop"))
    first, second = hook.deliveries
    assert second.at - first.at >= 1.9


def test_a_webhook_that_is_not_wanted_is_not_repeated(cluster, watched, hook):
    shop = watched(hook.channel)
    hook.becomes(b.status(410))
    shop.becomes(BAD)
    until(lambda: [n.state for n in cluster.ledger.notices("shop")] == ["failed"], 10, lambda: cluster.ledger.notices())
    rounds(cluster, "shop", 3)
    assert len(hook.deliveries) == 1


# ── programs and the console ─────────────────────────────────────────────────


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"exec:{path}"


def test_a_program_gets_the_notice_as_json(cluster, watched):
    told = cluster.folder / "told"
    shop = watched(script(cluster.folder / "tell", f"cat >> {told}\necho >> {told}\n"))
    outage(cluster, shop)
    until(lambda: told.exists() and len(told.read_text().split("\n\n")) >= 1 and cluster.ledger.told("shop", "back"),
          10, "both are told")
    kinds = [json.loads(line)["kind"] for line in told.read_text().splitlines() if line.strip()]
    assert kinds == ["down", "back"]


def test_a_program_that_fails_is_run_again(cluster, watched):
    runs = cluster.folder / "runs"
    shop = watched(script(cluster.folder / "tell", f"cat > /dev/null\necho >> {runs}\n[ $(wc -l < {runs}) -ge 3 ]\n"))
    shop.becomes(BAD)
    until(lambda: cluster.ledger.told("shop", "down") == 1, 10, lambda: cluster.ledger.notices("shop"))
    rounds(cluster, "shop", 2)
    assert len(runs.read_text().splitlines()) == 3


def test_a_program_that_hangs_is_ended(cluster, watched):
    began = cluster.folder / "began"
    shop = watched(
        script(cluster.folder / "tell", f"echo $$ >> {began}\nexec sleep 1000\n"), exec__timeout="500ms"
    )
    shop.becomes(BAD)
    until(lambda: began.exists() and len(began.read_text().split()) >= 2, 10, "it was ended and run again")
    first = began.read_text().split()[0]
    until(lambda: not is_sleep(first), 5, "the first is gone")


def is_sleep(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().startswith(b"sleep\x001000")
    except OSError:
        return False


def test_the_console(cluster, village):
    shop = village.site("shop", b.healthy())
    cluster.apply(owners=[owner("us", "console:")], sites=[quick("shop", shop.url(), owner="us")])
    cluster.up()
    cluster.wait_health("shop", "up")
    outage(cluster, shop)

    def screen():
        return cluster.screen.read_text() + cluster.supervisor.said()

    until(lambda: "DOWN  shop" in screen() and "BACK  shop" in screen(), 10, screen)
