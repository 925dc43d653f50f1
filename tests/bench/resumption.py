"""HTTPS where the server resumes sessions: what a look costs then, beside one with a full handshake.

The sessions are the worker's own, kept as worker/tickets.h says; each host is looked at ten times, the
first time with a full handshake, which the average includes. In a long run it is once an hour.
"""
import tempfile
from pathlib import Path

import chart
import report
import surroundings as s

HOSTS, ROUNDS = 300, 10


def run(resolver, pki):
    nginx = s.FastNginx(addresses=32, leaf=pki.leaf("resumed", "*.resume.bench.test"), net=46, resumes=True)
    hosts = {f"h{i}.resume.bench.test": nginx.addresses[i % len(nginx.addresses)] for i in range(HOSTS)}
    resolver.many(list(hosts.items()), ttl=300)
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        urls = Path(folder, "urls.txt")
        urls.write_text("".join(f"https://{h}:{nginx.port}/\n" for h in hosts))
        for name, sessions, looks in (("full handshakes", 0, HOSTS * ROUNDS),
                                      ("first looks, sessions kept", HOSTS, HOSTS),
                                      ("resumed, with the first looks", HOSTS, HOSTS * ROUNDS)):
            m = s.Measured([s.TOOLS / "bench_looks", "--looks", looks, "--in-hand", 32, "--resolver",
                            resolver.address, "--ca-file", pki.ca_file, "--tls-sessions", sessions, urls])
            out[name] = m.last_json()
    nginx.close()
    first, all_ = out["first looks, sessions kept"], out["resumed, with the first looks"]
    out["resumed looks alone"] = {k: all_[k] - first[k] for k in all_}
    for row in out.values():
        row["cpu_us"] = row["cpu_s"] / row["looks"] * 1e6
    return out


def show(found):
    report.heading(f"HTTPS where the server resumes sessions: {HOSTS} hosts, {ROUNDS} looks at each")
    full = found["full handshakes"]["cpu_us"]
    report.rows(["", "looks", "up", "CPU us/look", "of full"],
                [[k, r["looks"], r["up"], f"{r['cpu_us']:.0f}", f"{r['cpu_us'] / full:.2f}"]
                 for k, r in found.items()])
    average = found["resumed, with the first looks"]["cpu_us"] / full
    return [report.goal(f"HTTPS with resumed sessions, first looks included ({ROUNDS} looks at each host): at most 0.45 "
                        "of full handshakes", f"{average:.2f}", average <= 0.45)]


def pictures(found):
    return [chart.Bars("HTTPS: full handshakes and resumed sessions", "CPU microseconds per look",
             [("vedette, " + k, r["cpu_us"]) for k, r in found.items()])]
