"""What a daemon shows over HTTP, read as Prometheus would.

    at = shown(cluster.begin("collector"))     # "127.0.0.1:40123"
    page = Page(at)                            # its /metrics
    page.value("vedette_collector_looks_total", verdict="up")
"""

import re
import urllib.error
import urllib.request

from .patience import FACTOR

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def shown(process, within=10):
    """Where the daemon shows its pages, by its own word."""
    return process.says(r"pages\.shown at=(\S+): ", within).group(1)


def get(at, path):
    """(status, text) of a page."""
    try:
        with urllib.request.urlopen(f"http://{at}{path}", timeout=10 * FACTOR) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


class Family:
    def __init__(self, name, about):
        self.name, self.about, self.kind = name, about, None
        self.samples = []  # (name, {label: value}, number)

    def labels(self):
        return {label for _, labels, _ in self.samples for label in labels if label != "le"}


class Page:
    """Every line of it must be one that the format has; else reading fails."""

    def __init__(self, at, path="/metrics"):
        status, self.text = get(at, path)
        assert status == 200, f"{at}{path}: {status}\n{self.text[:500]}"
        self.families = {}
        now = None
        for line in self.text.splitlines():
            if line.startswith("# HELP "):
                name, about = line[7:].split(" ", 1)
                assert name not in self.families, f"{name} is there twice"
                now = self.families[name] = Family(name, about)
            elif line.startswith("# TYPE "):
                assert line.split()[2] == now.name, line
                now.kind = line.split()[3]
            else:
                self._sample(now, line)

    def _sample(self, family, line):
        found = SAMPLE.match(line)
        assert found, f"no sample: {line}"
        name, labels, number = found.groups()
        suffix = name[len(family.name):] if name.startswith(family.name) else None
        assert suffix in (("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)), line
        pairs = dict(LABEL.findall(labels or ""))
        assert LABEL.sub("", labels or "") == "", line
        family.samples.append((name, pairs, float(number)))

    def value(self, name, **labels):
        """The sum of all samples of that name that have these labels; None when there is none."""
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        family = self.families.get(name) or self.families[base]
        found = [n for s, pairs, n in family.samples if s == name and labels.items() <= pairs.items()]
        return sum(found) if found else None
