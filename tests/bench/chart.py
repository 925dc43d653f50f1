"""The measurements as one picture."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

OURS, THEIRS = "#1f6f8b", "#b8b8b8"


def bars(axes, title, unit, pairs):
    names = [n for n, _ in pairs]
    values = [v for _, v in pairs]
    colours = [OURS if "vedette" in n else THEIRS for n in names]
    drawn = axes.barh(names, values, color=colours)
    axes.bar_label(drawn, fmt="%.3g", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.15)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw(pictures, path):
    """pictures: (title, unit, [(name, value), ...]) each."""
    if not pictures:
        return
    figure, axes = plt.subplots(len(pictures), 1, figsize=(8, 2.2 * len(pictures)), squeeze=False)
    for a, (title, unit, pairs) in zip(axes[:, 0], pictures):
        bars(a, title, unit, pairs)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
