"""Measurements as pictures: bars that compare, lines that show a course."""
from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "vedette", "font.size": 9})
import matplotlib.pyplot as plt  # noqa: E402

OURS, THEIRS = "#1f6f8b", "#b8b8b8"
SHADES = ["#1f6f8b", "#d1495b", "#edae49", "#66a182", "#5d5d81"]


@dataclass
class Bars:
    title: str
    unit: str
    pairs: list  # (name, value)

    height = 0.35

    def draw(self, axes):
        names = [n for n, _ in self.pairs]
        drawn = axes.barh(names, [v for _, v in self.pairs], color=[OURS if "vedette" in n else THEIRS for n in names])
        axes.bar_label(drawn, fmt="%.3g", padding=3)
        axes.invert_yaxis()
        axes.set_xlabel(self.unit)
        axes.margins(x=0.15)

    def inches(self):
        return 1.1 + self.height * len(self.pairs)


@dataclass
class Lines:
    title: str
    x: str
    y: str
    series: dict  # name -> [(x, y), ...]
    log_x: bool = False

    def draw(self, axes):
        for (name, points), shade in zip(self.series.items(), SHADES):
            axes.plot([x for x, _ in points], [y for _, y in points], marker="o" if len(points) < 20 else "",
                      markersize=4, color=shade, label=name)
        if self.log_x:
            axes.set_xscale("log")
            ticks = sorted({x for points in self.series.values() for x, _ in points})
            axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
            axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel(self.x)
        axes.set_ylabel(self.y)
        axes.grid(axis="y", color="#e5e5e5")
        if len(self.series) > 1:
            axes.legend(frameon=False)

    def inches(self):
        return 3.2


def draw(pictures, path):
    """All of them below each other."""
    figure, axes = plt.subplots(len(pictures), 1, figsize=(8, sum(p.inches() for p in pictures)), squeeze=False,
                                height_ratios=[p.inches() for p in pictures])
    for a, picture in zip(axes[:, 0], pictures):
        picture.draw(a)
        a.set_title(picture.title, loc="left", fontsize=10)
        for side in ("top", "right"):
            a.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
