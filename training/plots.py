"""Plots whose title is their finding, with n, window and limit line; colours for the colour-blind."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.validation import F64, Labels, auc, by_bin, lift

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"  # Okabe and Ito
mpl.use("Agg")


def _png(figure: Figure) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=90, metadata={"Software": None})
    return held.getvalue()


def _below(window: Mapping[str, str], n: int) -> str:
    first, last = window["from"][:10], window["to"][:10]
    return f"n = {n:,}, {first if first == last else f'{first} to {last}'}"


def discrimination(name: str, y: Labels, p: F64, plain: F64, window: Mapping[str, str]) -> bytes:
    """ROC, calibration and gain side by side; the plain baseline and the limit lines are grey."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    roc, line, gain = figure.subplots(1, 3)
    _roc(roc, y, p, plain)
    _calibration(line, y, p)
    _gain(gain, y, p)
    figure.suptitle(f"{name}  ({_below(window, len(y))})")
    return _png(figure)


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
    title: str, cells: F64, rows: Sequence[str], columns: Sequence[str], window: Mapping[str, str], n: int
) -> bytes:
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
    figure.suptitle(f"{title}  ({_below(window, n)})")
    return _png(figure)


def bars(
    title: str, values: Mapping[str, tuple[float, float, float]], limit: float, what: str,
    window: Mapping[str, str], n: int,
) -> bytes:  # fmt: skip
    """A bar each with its interval (value, low, high), and the line to beat."""
    figure = Figure(figsize=(8, 1.4 + 0.45 * len(values)), layout="constrained")
    axes = figure.subplots()
    names = list(values)
    middle = np.array([values[name][0] for name in names])
    spread = np.array([[values[n][0] - values[n][1], values[n][2] - values[n][0]] for n in names]).T
    axes.barh(names, middle, xerr=np.maximum(spread, 0), color=BLUE, ecolor=GREY)
    axes.axvline(limit, color=ORANGE, linestyle="--", label=f"to beat {limit:.3f}")
    axes.set(title=f"{title}  ({_below(window, n)})", xlabel=what)
    axes.legend()
    return _png(figure)
