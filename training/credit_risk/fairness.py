"""Does the cut-off fall harder on some? Protected attributes, never scored, beside the decisions.

The adverse impact ratio compares approval rates with the group approved most (four-fifths rule, 29 CFR
1607.4(D)); equal opportunity compares them among those who repaid; calibration by group says whether a
PD means the same for everybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from feature_repo.settings import Settings
from feature_repo.store import MICROSECONDS, historical
from training.credit_risk.situations import IN_CHINESE
from training.dataset import Dataset
from training.evidence.canvas import below
from training.evidence.exhibit import Cell, Exhibit
from training.validation import F64, Interval, Labels

SERVICE = "fairness_v1"
FOUR_FIFTHS = 0.8
LEAST_ROWS, LEAST_SHARE = 100, 0.05  # a smaller group says nothing, and is no yardstick
AGES = (("under 30", 0, 30), ("30 to 44", 30, 45), ("45 to 59", 45, 60), ("60 and over", 60, 200))
Mask = npt.NDArray[np.bool_]
Groups = Mapping[str, Mapping[str, Mask]]
"""By attribute, by group: which rows belong to it."""


@dataclass(frozen=True)
class GroupFigures:
    """One group at the cut-off; ratios are against the group approved most, intervals at 95 %."""

    attribute: str
    group: str
    n: int
    approved: float
    impact: Interval
    opportunity: Interval
    said: float
    seen: float


def groups_of(settings: Settings, rows: Dataset) -> dict[str, dict[str, Mask]]:
    """Gender and age band of each row as they were known at its date; who is a company is in no group."""
    frame = pd.DataFrame({
        "customer_id": rows.customer_ids,
        "event_timestamp": pd.to_datetime(rows.as_of, unit="us", utc=True).astype(MICROSECONDS),
    })  # fmt: skip
    known = historical(settings, frame, SERVICE)
    female, age = known["is_female"].to_numpy(np.float64), known["age_years"].to_numpy(np.float64)
    return {
        "gender": {"women": female == 1, "men": female == 0},
        "age": {name: (age >= low) & (age < high) for name, low, high in AGES},
    }


def measured(groups: Groups, y: Labels, p: F64, cut_off: float) -> tuple[GroupFigures, ...]:
    """Every group large enough to say something, beside the one of its attribute approved most."""
    yes, found = p < cut_off, list[GroupFigures]()
    for attribute, members in groups.items():
        of_all = sum(int(mask.sum()) for mask in members.values())
        enough = {name: mask for name, mask in members.items()
                  if mask.sum() >= max(LEAST_ROWS, LEAST_SHARE * of_all)}  # fmt: skip
        if len(enough) < 2:
            continue
        best = max(enough.values(), key=lambda mask: float(yes[mask].mean()))
        for name, mask in enough.items():
            good, best_good = mask & (y == 0), best & (y == 0)
            found.append(GroupFigures(
                attribute, name, int(mask.sum()), float(yes[mask].mean()), ratio(yes[mask], yes[best]),
                difference(yes[good], yes[best_good]), float(p[mask].mean()), float(y[mask].mean()),
            ))  # fmt: skip
    return tuple(found)


def ratio(part: Mask, best: Mask) -> Interval:
    """One approval rate over another, with the interval of its logarithm (Katz et al., 1978).

    >>> found = ratio(np.repeat([True, False], [40, 60]), np.repeat([True, False], [50, 50]))
    >>> round(found.value, 2), [round(bound, 2) for bound in (found.low, found.high)]
    (0.8, [0.59, 1.09])
    """
    rates = [max(float(values.mean()), 0.5 / len(values)) for values in (part, best)]
    spread = np.sqrt(sum((1 - r) / (r * len(v)) for r, v in zip(rates, (part, best), strict=True)))
    value = rates[0] / rates[1]
    return Interval(value, float(value * np.exp(-1.96 * spread)), float(value * np.exp(1.96 * spread)))


def difference(part: Mask, best: Mask) -> Interval:
    """One approval rate less another, with its 95 % interval."""
    if not len(part) or not len(best):
        return Interval(float("nan"), float("nan"), float("nan"))
    rates = float(part.mean()), float(best.mean())
    spread = np.sqrt(sum(r * (1 - r) / len(v) for r, v in zip(rates, (part, best), strict=True)))
    value = rates[0] - rates[1]
    return Interval(value, float(value - 1.96 * spread), float(value + 1.96 * spread))


def worst(figures: tuple[GroupFigures, ...]) -> GroupFigures | None:
    """The group with the smallest ratio."""
    return min(figures, key=lambda each: each.impact.value, default=None)


def as_metrics(figures: tuple[GroupFigures, ...]) -> dict[str, object]:
    """The figures by attribute and group."""
    least = worst(figures)
    return {
        "adverse_impact_ratio": round(least.impact.value, 4) if least else None,
        "adverse_impact_interval": least.impact.as_list() if least else None,
        "adverse_impact_group": f"{least.attribute}: {least.group}" if least else None,
        "groups": {
            f"{each.attribute}: {each.group}": {
                "n": each.n, "approved": round(each.approved, 4),
                "adverse_impact_ratio": [round(each.impact.value, 4), *each.impact.as_list()],
                "equal_opportunity": [round(each.opportunity.value, 4), *each.opportunity.as_list()],
                "said": round(each.said, 5), "seen": round(each.seen, 5),
            }
            for each in figures
        },
    }  # fmt: skip


def exhibit(
    name: str, figures: tuple[GroupFigures, ...], cut_off: float, window: Mapping[str, str], n: int
) -> Exhibit:
    """The groups as a table; its title names the smallest ratio and the limit."""
    least = worst(figures)
    found = f"{least.group} approved {least.impact.value:.2f} times as often as the most" if least else "none"
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (each.attribute, each.group, each.n, round(each.approved, 4), round(each.impact.value, 4),
         *each.impact.as_list(), round(each.opportunity.value, 4), *each.opportunity.as_list(),
         round(each.said, 4), round(each.seen, 4))
        for each in figures
    )  # fmt: skip
    return Exhibit(
        f"Credit {name}, fairness at PD below {cut_off:g}: {found}, limit {FOUR_FIFTHS:g} "
        f"({below(window, n)})",
        f"信用风险（{IN_CHINESE[name]}），公平性（违约概率低于 {cut_off:g} 即通过）：最低影响比 "
        f"{least.impact.value if least else 1:.2f}，下限 {FOUR_FIFTHS:g}", b"",
        ("attribute", "group", "n", "approved", "impact ratio", "low", "high", "equal opportunity", "low ",
         "high ", "said", "seen"), rows,
    )  # fmt: skip
