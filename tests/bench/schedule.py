"""The coordinator without a network: loading a million sites, what they weigh, and what a check costs from
due to a message of jobs, with 10,000 to 5,000,000 sites.

Handing out is schedule, lease and packing; coming back is what a worker's `taken` and the collector's
`recorded` cause. CPU of one thread. The sites of a run are all touched in turn, as their slots come, so that
with many of them every look finds its site outside the processor's caches. The first look at each site costs
a little more: the registered domain of its URL is looked up.
"""
import tempfile

import chart
import report
import surroundings as s

SITES = 1_000_000
SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
CHECKS = 2_000_000
FLAT = 1.5


def tool(*args):
    return s.Measured([s.TOOLS / "bench_schedule", *args]).last_json()


def run(_resolver, _pki):
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        load = tool("--load", f"sqlite:{folder}/vedette.db", "--sites", SITES)
    sizes = {str(n): tool("--sites", n, "--checks", CHECKS) for n in SIZES}
    for row in sizes.values():
        row["cpu_us"] = row["out_us"] + row["back_us"]
    return {"load": load, "sizes": sizes}


def show(found):
    report.heading("the coordinator without a network")
    load, sizes = found["load"], found["sizes"]
    print(f"{load['sites']:,} sites read from SQLite, scheduled: {load['wall_s']:.2f} s, {load['cpu_s']:.2f} s of CPU")
    report.rows(["sites", "handed out/s", "us out", "us back", "us a check", "us first time", "bytes a site"],
                [[f"{int(n):,}", f"{r['per_s']:.0f}", f"{r['out_us']:.2f}", f"{r['back_us']:.2f}",
                  f"{r['cpu_us']:.2f}", f"{r['domain_us']:.2f}",
                  f"{r['site_bytes']:.0f}"]
                 for n, r in sizes.items()])
    million = sizes[str(SITES)]
    first, last = sizes[str(SIZES[0])], sizes[str(SIZES[-1])]
    times = last["cpu_us"] / first["cpu_us"]
    return [report.goal("1,000,000 sites are loaded in under 3 s", f"{load['wall_s']:.2f} s", load["wall_s"] < 3),
            report.goal("a site takes at most 200 bytes beside its URL and options", f"{million['site_bytes']:.0f}",
                        million["site_bytes"] <= 200),
            report.goal("200,000 due checks are handed out a second on one core, of 1,000,000 sites",
                        f"{million['per_s']:.0f}", million["per_s"] >= 200_000),
            report.goal(f"a check costs with 5,000,000 sites at most {FLAT} times what it costs with 10,000",
                        f"{times:.2f}", times <= FLAT)]


def pictures(found):
    per = {key: [(int(n), r[member]) for n, r in found["sizes"].items()]
           for key, member in (("a check, out and back", "cpu_us"), ("handing it out", "out_us"))}
    return [chart.Lines("the coordinator without a network", "sites", "CPU microseconds per check", per, log_x=True)]
