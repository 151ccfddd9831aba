"""Plots of two banks' marginals: the title is the finding, n and source stand below it."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from feature_repo.errors import BankError
from feature_repo.raw.compare.distances import Reals, shares

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito: told apart by everybody, and by hatch in print


class NoPlotting(BankError, ImportError):
    """The plotting library is not installed."""

    def __init__(self) -> None:
        super().__init__("Plots need matplotlib, which is not installed. Install the `train` extra.")


def curves(title: str, below: str, named: Mapping[str, Reals], axis: str, logarithmic: bool) -> bytes:
    """The distribution function of each sample, as a PNG."""
    figure, axes = _axes()
    spans = [np.quantile(sample, [0.01, 0.98]) for sample in named.values()]
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    for (name, sample), colour, line in zip(named.items(), (BLUE, ORANGE), ("-", "--"), strict=True):
        points = np.quantile(sample, np.linspace(0, 1, 400))
        axes.plot(points, np.linspace(0, 1, 400), line, color=colour, label=f"{name}, n = {len(sample):,}")
    if logarithmic:
        axes.set_xscale("log")
        low = max(low, 1e-3)
    axes.set_title(title, fontsize=10)
    axes.set(xlabel=f"{axis}\n{below}", ylabel="share at or below", xlim=(low, high))
    axes.legend()
    return _png(figure)


def bars(title: str, below: str, named: Mapping[str, Mapping[str, float]], axis: str, parts: bool) -> bytes:
    """Two bars a name, as a PNG: parts of the whole, or the values as they are."""
    figure, axes = _axes()
    names = in_order(named)
    place = np.arange(len(names))
    for turn, (bank, counts) in enumerate(named.items()):
        values = shares(counts) if parts else counts
        axes.bar(
            place + 0.4 * turn - 0.2, [values.get(name, 0.0) for name in names], 0.4, label=bank,
            color=(BLUE, ORANGE)[turn], hatch=("", "//")[turn], edgecolor="white",
        )  # fmt: skip
    axes.set_xticks(
        place, names, rotation=35 if len(names) > 4 else 0, ha="right" if len(names) > 4 else "center"
    )
    axes.set_title(title, fontsize=10)
    axes.set(xlabel=below, ylabel=axis)
    axes.legend()
    return _png(figure)


def in_order(named: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Every name of both banks: numbers by size, else as the first bank has them, then the second.

    >>> in_order({"a": {"6 months": 1, "24 months": 1}, "b": {"12 months": 2}})
    ['6 months', '12 months', '24 months']
    """
    names = list(dict.fromkeys(name for counts in named.values() for name in counts))
    if all(name.split()[0].isdigit() for name in names):
        return sorted(names, key=lambda name: int(name.split()[0]))
    return names


def _axes() -> tuple[Any, Any]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPlotting from error
    figure = Figure(figsize=(7.2, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _png(figure: Any) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=90, metadata={"Software": None})
    return held.getvalue()
