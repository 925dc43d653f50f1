"""What the measurements found, as a page: goals, tables, pictures, and on which machine.

RESULTS.md has two parts. People write the upper one (what falls short, where the cycles go, what was tried);
the lower one, below the mark, is put there by `make bench-results`, with its pictures in charts/.
"""
import json
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = "<!-- Below: make bench-results. -->\n"


def kept(out, names):
    """{name: what measure() kept} of those that have been measured."""
    return {n: json.loads((out / f"{n}.json").read_text()) for n in names if (out / f"{n}.json").exists()}


def machine(m):
    return [f"- {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, Linux {m['kernel']}",
            f"- {m['vedette']} ({m['commit']}), {m['compiler']}",
            f"- {', '.join(f'{name} {version}' for name, version in m['packages'].items())}"]


def goals(all_):
    lines = ["| goal | found | |", "|---|---|---|"]
    for k in all_.values():
        lines += [f"| {g['goal']} | {g['value']} | {'' if g['reached'] else '**short**'} |" for g in k["goals"]]
    return lines


def results(out, names, pictures="."):
    all_ = kept(out, names)
    machines = {tuple(machine(k["machine"])): None for k in all_.values()}
    lines = ["## Where", ""]
    for m in machines:
        lines += [*m, ""]
    lines += ["## Goals", "", *goals(all_), ""]
    for name, k in all_.items():
        lines += [f"## {name}, {k['machine']['date']}", "", "```", k["said"].strip("\n"), "```", "",
                  f"![{name}]({pictures}/{name}.svg)", ""]
    return "\n".join(lines)


def publish(out, names):
    page = HERE / "RESULTS.md"
    words = page.read_text().split(MARK)[0]
    charts = HERE / "charts"
    charts.mkdir(exist_ok=True)
    for name in kept(out, names):
        shutil.copyfile(out / f"{name}.svg", charts / f"{name}.svg")
    page.write_text(words + MARK + "\n" + results(out, names, "charts"))
