"""Does the policy's cut-off fall harder on some? The four-fifths rule over protected groups."""

from collections.abc import Iterator, Mapping

import numpy as np

from training.checks.limits import FOUR_FIFTHS, LEAST_GROUP, LEAST_GROUP_SHARE
from training.checks.subject import Subject
from training.gates import Gate, at_least
from training.proof import Mask
from training.release.fields import F64Array
from training.validation import Interval


def fairness(subject: Subject, cut_off: float) -> Iterator[Gate]:
    """By attribute, the least approval rate of a group over that of the group approved most."""
    approved, weight = subject.said < cut_off, subject.test.weight
    for attribute, groups in subject.test.groups.items():
        title = f"{subject.name}: adverse impact ratio by {attribute} at PD below {cut_off:g}"
        enough = _enough(groups, weight)
        if len(enough) < 2:
            why = f"fewer than two groups of {LEAST_GROUP} rows, {len(groups)} in all"
            yield at_least("fairness", title, float("nan"), FOUR_FIFTHS, note=why)
            continue
        served = subject.champion.said
        before = None if served is None else _least(enough, served < cut_off, weight)[1].value
        name, found = _least(enough, approved, weight)
        yield at_least("fairness", title, found.value, FOUR_FIFTHS, low=found.low, high=found.high,
                       champion=before, note=name)  # fmt: skip
    if not subject.test.groups:
        title = f"{subject.name}: adverse impact ratio at PD below {cut_off:g}"
        yield at_least("fairness", title, float("nan"), FOUR_FIFTHS, note="no protected group is known")


def _enough(groups: Mapping[str, Mask], weight: F64Array) -> dict[str, Mask]:
    sizes = {name: float(weight[mask].sum()) for name, mask in groups.items()}
    least = max(LEAST_GROUP, LEAST_GROUP_SHARE * sum(sizes.values()))
    return {name: mask for name, mask in groups.items() if sizes[name] >= least}


def _least(groups: Mapping[str, Mask], approved: Mask, weight: F64Array) -> tuple[str, Interval]:
    """The group approved least beside the one approved most, with Katz' interval."""
    rates = {name: _rate(approved[mask], weight[mask]) for name, mask in groups.items()}
    best = max(rates, key=lambda name: rates[name][0])
    worst = min(rates, key=lambda name: rates[name][0])
    (r, n), (top, m) = rates[worst], rates[best]
    spread = float(np.sqrt((1 - r) / (r * n) + (1 - top) / (top * m))) if worst != best else 0.0
    value = r / top
    low, high = (value * float(np.exp(side * 1.96 * spread)) for side in (-1, 1))
    return f"{worst} beside {best}", Interval(value, low, high)


def _rate(approved: Mask, weight: F64Array) -> tuple[float, float]:
    """The rate, never quite 0, and the number of rows that a weighted sample is worth (Kish)."""
    n = float(weight.sum() ** 2 / (weight**2).sum())
    return max(float(np.average(approved, weights=weight)), 0.5 / n), n
