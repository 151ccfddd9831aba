"""Plots whose title is their finding, with n, window and limit line; colours for the colour-blind."""

from collections.abc import Mapping, Sequence

import numpy as np

from training.evidence.canvas import BLUE, GREY, ORANGE, WIDTH, below, canvas, named, png
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
    longest = max(map(len, columns))
    below_plot = 0.3 + 0.05 * longest
    height = 1.1 + 0.42 * len(rows) + below_plot
    note = f"{below(window, n)}; 0 is the average customer"
    figure, (axes,) = canvas(title, note, height=height, width=11)
    figure.subplots_adjust(left=_margin(rows, 11), right=0.95, bottom=below_plot / height)
    most = float(np.abs(cells).max()) or 1.0
    image = axes.imshow(cells, cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    for (i, j), value in np.ndenumerate(cells):
        ink = "white" if abs(value) > 0.6 * most else "black"
        axes.text(j, i, f"{value:+.1f}", ha="center", va="center", fontsize=7, color=ink)
    figure.colorbar(image, label="std. deviations", fraction=0.03, pad=0.01)
    table: tuple[tuple[Cell, ...], ...] = tuple(
        (row, *rounded(values)) for row, values in zip(rows, cells, strict=True)
    )
    return Exhibit(title, title_zh, png(figure), ("", *columns), table)


def bars(
    title: str, title_zh: str, values: Mapping[str, tuple[float, float, float]], limit: float, what: str,
    window: Mapping[str, str], n: int,
) -> Exhibit:  # fmt: skip
    """A bar each with its interval (value, low, high), and the line to beat."""
    note = f"{below(window, n)}; bars: 95 % intervals; limit line: to beat {limit:.3f}"
    figure, (axes,) = canvas(title, note, height=1.5 + 0.32 * len(values))
    figure.subplots_adjust(left=_margin(list(values), WIDTH))
    names = list(values)
    middle = np.array([values[name][0] for name in names])
    spread = np.array([[values[n][0] - values[n][1], values[n][2] - values[n][0]] for n in names]).T
    axes.barh(names, middle, xerr=np.maximum(spread, 0), color=BLUE, ecolor=GREY)
    axes.axvline(limit, color=ORANGE, linestyle="--", label=f"to beat {limit:.3f}")
    named(axes, what, "")
    table: tuple[tuple[Cell, ...], ...] = tuple((name, *rounded(values[name])) for name in names)
    return Exhibit(title, title_zh, png(figure), ("", what, "low", "high"), table)


def _margin(names: Sequence[str], width: float) -> float:
    """The share of a figure so many inches wide that its longest row name takes."""
    return (0.3 + 0.075 * max(map(len, names))) / width
