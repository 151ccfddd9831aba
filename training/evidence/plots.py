"""Plots whose title is their finding, with n, window and limit line; colours for the colour-blind."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evidence.canvas import BLUE, GREY, ORANGE, below, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.validation import F64, Labels, auc, by_bin, lift


def discrimination(
    name: str, name_zh: str, y: Labels, p: F64, plain: F64, window: Mapping[str, str]
) -> Exhibit:
    """ROC, calibration and gain side by side; the table holds the tenths by probability."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    roc, line, gain = figure.subplots(1, 3)
    _roc(roc, y, p, plain)
    _calibration(line, y, p)
    _gain(gain, y, p)
    figure.suptitle(f"{name}  ({below(window, len(y))})")
    tenths = tuple((*rounded(group[:2]), group[2]) for group in by_bin(y, p))
    finding = f"{name}: AUC {auc(y, p):.3f}, plain baseline {auc(y, plain):.3f}"
    finding_zh = f"{name_zh}：AUC {auc(y, p):.3f}，简单基线 {auc(y, plain):.3f}"
    return Exhibit(finding, finding_zh, png(figure), ("said", "seen", "n"), tenths)


def _roc(axes: Axes, y: Labels, p: F64, plain: F64) -> None:
    for score, colour, label in ((plain, ORANGE, "baseline"), (p, BLUE, "model")):
        order = np.argsort(-score, kind="stable")
        hit = np.r_[0, np.cumsum(y[order])] / max(1, y.sum())
        missed = np.r_[0, np.cumsum(1 - y[order])] / max(1, (1 - y).sum())
        axes.plot(missed, hit, color=colour, label=f"{label} {auc(y, score):.3f}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance")
    axes.set(
        title=f"It ranks {auc(y, p):.0%} of pairs rightly", xlabel="share of others", ylabel="share found"
    )
    axes.legend()


def _calibration(axes: Axes, y: Labels, p: F64) -> None:
    groups = by_bin(y, p)
    said, seen = [g[0] for g in groups], [g[1] for g in groups]
    most = max(*said, *seen, 1e-6) * 1.05
    axes.plot([0, most], [0, most], color=GREY, linestyle="--")
    axes.plot(said, seen, "o-", color=BLUE)
    axes.set(title=f"Said {p.mean():.2%}, seen {y.mean():.2%}", xlabel="said", ylabel="seen (tenths)")


def _gain(axes: Axes, y: Labels, p: F64) -> None:
    order = np.argsort(-p, kind="stable")
    share = np.arange(len(y) + 1) / len(y)
    axes.plot(share, np.r_[0, np.cumsum(y[order])] / max(1, y.sum()), color=BLUE)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
    axes.axvline(0.1, color=ORANGE, linewidth=1)
    axes.set(title=f"The top tenth holds {lift(y, p):.1f} times its share", xlabel="asked", ylabel="found")


def heat_map(
    title: str,
    title_zh: str,
    cells: F64,
    rows: Sequence[str],
    columns: Sequence[str],
    window: Mapping[str, str],
    n: int,
) -> Exhibit:
    """Standard deviations from the average customer, a row each segment."""
    figure = Figure(figsize=(11, 2.2 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    most = float(np.abs(cells).max()) or 1.0
    image = axes.imshow(cells, cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    for (i, j), value in np.ndenumerate(cells):
        ink = "white" if abs(value) > 0.6 * most else "black"
        axes.text(j, i, f"{value:+.1f}", ha="center", va="center", fontsize=7, color=ink)
    figure.colorbar(image, label="std. deviations")
    figure.suptitle(f"{title}  ({below(window, n)})")
    table: tuple[tuple[Cell, ...], ...] = tuple(
        (row, *rounded(values)) for row, values in zip(rows, cells, strict=True)
    )
    return Exhibit(title, title_zh, png(figure), ("", *columns), table)


def bars(
    title: str, title_zh: str, values: Mapping[str, tuple[float, float, float]], limit: float, what: str,
    window: Mapping[str, str], n: int,
) -> Exhibit:  # fmt: skip
    """A bar each with its interval (value, low, high), and the line to beat."""
    figure = Figure(figsize=(8, 1.4 + 0.45 * len(values)), layout="constrained")
    axes = figure.subplots()
    names = list(values)
    middle = np.array([values[name][0] for name in names])
    spread = np.array([[values[n][0] - values[n][1], values[n][2] - values[n][0]] for n in names]).T
    axes.barh(names, middle, xerr=np.maximum(spread, 0), color=BLUE, ecolor=GREY)
    axes.axvline(limit, color=ORANGE, linestyle="--", label=f"to beat {limit:.3f}")
    axes.set(title=f"{title}  ({below(window, n)})", xlabel=what)
    axes.legend()
    table: tuple[tuple[Cell, ...], ...] = tuple((name, *rounded(values[name])) for name in names)
    return Exhibit(title, title_zh, png(figure), ("", what, "low", "high"), table)
