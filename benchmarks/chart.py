"""The chart for the README: lookups per second of each client, as SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

OURS = "#2f81f7"
OTHERS = "#8b949e"
INK = "#757b84"  # read on white and on dark alike: GitHub shows one file to both


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the comparison's rows (its data) to an SVG file; needs matplotlib.

    Text stays text, the ground is transparent and the file has no date: the same data give the
    same file.
    """
    import matplotlib as mpl  # noqa: PLC0415 - heavy, and only the chart needs it

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend was chosen

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "ltx-async",
        "font.family": "sans-serif",
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.edgecolor": INK,
    }
    speeds = _speeds(rows)
    with mpl.rc_context(style):
        figure, axes = plt.subplots(figsize=(8.5, 0.42 * len(speeds) + 1.1), layout="constrained")
        colours = [OURS if title.startswith("ltx_async") else OTHERS for title, _ in speeds]
        bars = axes.barh([title for title, _ in speeds], [y for _, y in speeds], color=colours)
        axes.bar_label(bars, labels=[f"{speed:,.0f}" for _, speed in speeds], padding=4)
        axes.set_xlabel("lookups per second on one core (more is better)")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.1)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)


def _speeds(rows: Sequence[dict[str, Any]]) -> list[tuple[str, float]]:
    known = [(row["title"], row["median"]) for row in rows if row["median"]]
    speeds = [(title, median["ok"] / median["wall"]) for title, median in known]
    return sorted(speeds, key=lambda pair: pair[1])
