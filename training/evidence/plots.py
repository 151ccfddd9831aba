"""Plots whose title is their finding, with n, window and limit line; colours for the colour-blind."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from training.evidence.canvas import BLUE, GREY, ORANGE, below, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.validation import F64


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
