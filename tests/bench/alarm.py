"""From the first failed look to the mail server's 250, while 3,000 checks a second run.

150,000 sites every 50 s, of which 300 go down at the same moment; two workers, so that one confirms what
the other saw; a real SMTP server, which notes when it accepted each mail. What counts is the time beyond
the confirming look itself: from the end of the failed look to the 250, less what the confirming look took.
"""
import re
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import chart
import cluster
import report
import surroundings as s
from harness.mail import Mail

SITES, EVERY_S, DOWN = 150_000, 50, 300
BEGIN_S = 170  # newcomers are looked at early and then again on their grid: by now it is quiet


def run(_resolver, _pki):
    mail = Mail()
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        try:
            return watch(Path(folder), mail)
        finally:
            mail.away()


def prepare(folder):
    """The list that vedette-loadgen wrote, with an owner and one confirming look."""
    lines = (folder / "crowd.yaml").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("defaults:"))
    lines[at] = f"defaults: {{every: {EVERY_S}s, timeout: 20s, owner: us, confirm: {{looks: 1, within: 15s}}}}"
    lines.insert(at + 1, "owners: [{name: us, notify: ['mailto:us@watch.test']}]")
    (folder / "sites.yaml").write_text("\n".join(lines) + "\n")


def watch(folder, mail):
    store = f"sqlite:{folder}/vedette.db"
    crowd = subprocess.Popen(
        [s.BIN / "vedette-loadgen", f"--sites={SITES}", f"--every={EVERY_S}s", "--latency=20ms", "--latency-p99=200ms",
         f"--rule=sites 1-{DOWN} answer 503 from {BEGIN_S}s", f"--write={folder}/crowd.yaml",
         f"--write-config={folder}/vedette.yaml", f"--ca-file={folder}/root.pem", "--report=0s"],
        stdout=subprocess.DEVNULL)
    up = None
    try:
        while not (folder / "root.pem").exists() or not (folder / "vedette.yaml").exists():
            time.sleep(0.2)
        prepare(folder)
        up = subprocess.Popen(
            [s.BIN / "vedette", "up", "--config", folder / "vedette.yaml", "--store", store, "--sites",
             folder / "sites.yaml", "--workers", "2", *cluster.endpoints(folder), "--set=worker.threads=1",
             f"--set=mail.server={mail.url}", "--set=mail.from=vedette@watch.test", "--set=notify.at_once=16",
             f"--set=worker.ca_file={folder}/root.pem",
             "--json"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + BEGIN_S + EVERY_S + 60
        time.sleep(BEGIN_S)
        before = cluster.status(store)
        began = time.monotonic()
        while time.monotonic() < end and len(mail.about("[down]")) < DOWN:
            time.sleep(0.5)
        after = cluster.status(store)
        rate = (after["concluded"] - before["concluded"]) / (time.monotonic() - began)
        time.sleep(2)
        return evaluate(folder / "vedette.db", mail.about("[down]"), rate, after["late_p99_ms"])
    finally:
        if up:
            up.terminate()
            up.wait(60)
        crowd.terminate()
        crowd.wait(30)


def evaluate(path, letters, rate, late_p99_ms):
    told = {re.search(r"https?://s(\d+)\.", m.text).group(1): m.at for m in letters}
    beyond_s, whole_s, others = [], [], 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        for number, at in told.items():
            rows = db.execute(
                "SELECT look.look, look.slot_us + look.late_us + look.took_us, look.took_us, worker_id FROM look "
                "JOIN site ON "
                "site.id = look.site_id WHERE site.url LIKE ? AND look.verdict = 1 ORDER BY look.slot_us, look.look",
                (f"http%//s{number}.%",)).fetchall()
            failed, confirming = (next(r for r in rows if r[0] == look) for look in (0, 1))
            others += failed[3] != confirming[3]
            whole_s.append(at - failed[1] / 1e6)
            beyond_s.append(whole_s[-1] - confirming[2] / 1e6)
    beyond_s.sort()
    whole_s.sort()
    return {"down": DOWN, "told": len(letters), "sites_told": len(told), "by_another": others, "checks_per_s": rate,
            "late_p99_ms": late_p99_ms,
            "beyond_s": {p: at_share(beyond_s, p / 100) for p in (50, 90, 99, 100)},
            "whole_s": {p: at_share(whole_s, p / 100) for p in (50, 90, 99, 100)}}


def at_share(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def show(found):
    report.heading(f"from the first failed look to the mail server's 250: {found['down']} sites go down while "
                   f"{found['checks_per_s']:.0f} checks a second run")
    report.rows(["seconds", "p50", "p90", "p99", "most"],
                [[name, *(f"{v:.3f}" for v in found[key].values())]
                 for name, key in (("beyond the confirming look", "beyond_s"), ("in all", "whole_s"))])
    p99 = list(found["beyond_s"].values())[2]
    return [report.goal("each of them is told once", f"{found['told']} mails about {found['sites_told']} sites",
                        found["told"] == found["sites_told"] == found["down"]),
            report.goal("each is confirmed by another worker", found["by_another"],
                        found["by_another"] == found["down"]),
            report.goal("3,000 checks a second meanwhile", f"{found['checks_per_s']:.0f}",
                        found["checks_per_s"] > 2900),
            report.goal("p99 under 1 s beyond the confirming look", f"{p99:.3f} s", p99 < 1)]


def pictures(found):
    return [chart.Bars("from the first failed look to the mail server's 250", "seconds beyond the confirming look",
                       [(f"vedette p{p}", v) for p, v in found["beyond_s"].items()])]
