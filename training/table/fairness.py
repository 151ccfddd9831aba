"""Protected groups compared on out-of-fold scores: who is favoured, who deserved it, who is misjudged."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.table.columns import Column, Kind
from training.validation import F64, Labels

LEAST_RATIO = 0.8  # the four-fifths rule, 29 CFR 1607.4(D)
LEAST_ROWS, MOST_GROUPS = 30, 10
Mask = npt.NDArray[np.bool_]
Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Group:
    """One group: its rows, the share favoured, and of those who deserved it; said and observed rates."""

    name: str
    rows: int
    favoured: float
    deserving_favoured: float
    predicted: float
    observed: float
    impact_ratio: float
    impact_interval: tuple[float, float]

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "group": self.name, "rows": self.rows, "favoured": round(self.favoured, 4),
            "deserving_favoured": round(self.deserving_favoured, 4), "predicted": round(self.predicted, 4),
            "observed": round(self.observed, 4), "impact_ratio": round(self.impact_ratio, 4),
            "impact_interval": [round(bound, 4) for bound in self.impact_interval],
        }  # fmt: skip


@dataclass(frozen=True)
class Fairness:
    """The groups of one protected column, the largest first; ratios are against that one."""

    column: str
    favoured_are: str
    groups: tuple[Group, ...]

    @property
    def adverse_impact_ratio(self) -> float:
        """The lowest favoured rate over the rate of the largest group."""
        return min((group.impact_ratio for group in self.groups), default=float("nan"))

    @property
    def equal_opportunity(self) -> float:
        """The largest difference in the share favoured of those who deserve it."""
        rates = [g.deserving_favoured for g in self.groups if not np.isnan(g.deserving_favoured)]
        return max(rates) - min(rates) if rates else float("nan")

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "favoured": self.favoured_are, "adverse_impact_ratio": round(self.adverse_impact_ratio, 4),
            "equal_opportunity": round(self.equal_opportunity, 4),
            "groups": [group.as_json() for group in self.groups],
        }  # fmt: skip


def compared(column: Column, y: Labels, p: F64, risk: bool) -> Fairness:
    """Compare the groups of a column.

    Favoured are, with `risk`, the rows that a cut at the observed rate would accept (the lowest chances
    of the event); else those it would choose (the highest). Deserving are rows whose outcome bears it out.
    """
    cut = np.quantile(p, 1 - y.mean())
    favoured = p <= cut if risk else p >= cut
    deserving = (y == 0) if risk else (y == 1)
    names = grouped(column)
    sizes = pd.Series(names).value_counts()
    compared_names = [str(name) for name, rows in sizes.items() if rows >= LEAST_ROWS][:MOST_GROUPS]
    reference = favoured[names == compared_names[0]] if compared_names else favoured
    groups = tuple(
        _group(name, names == name, favoured, deserving, y, p, reference) for name in compared_names
    )
    words = "accepted: the lowest" if risk else "chosen: the highest"
    return Fairness(column.name, f"{words} {favoured.mean():.0%} of scores", groups)


def _group(
    name: str, rows: Mask, favoured: Mask, deserving: Mask, y: Labels, p: F64, reference: Mask
) -> Group:
    mine, worthy = favoured[rows], rows & deserving
    share = float(favoured[worthy].mean()) if worthy.any() else float("nan")
    ratio, interval = _ratio(mine, reference)
    said, seen = float(p[rows].mean()), float(y[rows].mean())
    return Group(name, int(rows.sum()), float(mine.mean()), share, said, seen, ratio, interval)


def _ratio(
    mine: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]
) -> tuple[float, tuple[float, float]]:
    """The ratio of two rates with its 95 % interval on the log scale (Katz et al. 1978)."""
    a, b = float(mine.mean()), float(reference.mean())
    if not a or not b:
        return (a / b if b else float("nan")), (0.0, float("inf"))
    spread = np.sqrt((1 - a) / (a * len(mine)) + (1 - b) / (b * len(reference)))
    return a / b, (float(a / b * np.exp(-Z * spread)), float(a / b * np.exp(Z * spread)))


def grouped(column: Column) -> npt.NDArray[np.object_]:
    """Each row's group; numbers with many values in quarters."""
    if column.kind is Kind.CATEGORY:
        return np.array(["(missing)" if value is None else str(value) for value in column.values], object)
    values = column.numbers
    if column.distinct > MOST_GROUPS:
        edges = np.unique(np.nanquantile(values, (0.25, 0.5, 0.75)))
        bands = [
            f"under {edges[0]:g}",
            *(f"{a:g} to {b:g}" for a, b in pairwise(edges)),
            f"from {edges[-1]:g}",
        ]
        named = np.array(bands, object)[np.searchsorted(edges, values, side="right").clip(max=len(edges))]
    else:
        named = np.array([f"{value:g}" for value in values], object)
    return np.where(np.isnan(values), "(missing)", named)


def sentences(found: Fairness) -> Iterator[str]:
    """What deserves a warning."""
    for group in found.groups:
        if group.impact_ratio < LEAST_RATIO:
            low, high = group.impact_interval
            yield (f"Adverse impact: {found.column} '{group.name}' is favoured {group.impact_ratio:.2f} "
                   f"times as often as '{found.groups[0].name}' ({low:.2f} to {high:.2f}), below "
                   f"{LEAST_RATIO}.")  # fmt: skip
