"""Do the probabilities hold, beyond what chance alone would show on rows like these?"""

from collections.abc import Iterator

import numpy as np
from scipy.special import betainc

from training.checks.limits import JEFFREYS, NOISE_TIMES, SLACK_ECE, SLACK_ECE_ELSEWHERE
from training.checks.ranking import too_few
from training.checks.subject import Candidate, Subject
from training.gates import Gate, at_least, at_most
from training.validation import F64

BINS = 10


def calibration(candidate: Candidate, subject: Subject) -> Iterator[Gate]:
    """Expected calibration error against a slack and its noise; of credit also the worst grade."""
    slack = SLACK_ECE.get(candidate.model, SLACK_ECE_ELSEWHERE)
    if subject.said.ndim == 2:
        yield _of_pairs(subject)
        return
    known = ~np.isnan(subject.test.labels)
    y, p, weight = subject.test.labels[known], subject.said[known], subject.test.weight[known]
    title = f"{subject.name}: calibration error"
    if few := too_few(y.astype(np.int8)):
        yield at_most("calibration", title, float("nan"), slack, note=few)
        return
    error, noise = calibration_error(y.astype(np.float64), p, weight)
    beside = subject.champion.said
    served = None if beside is None else calibration_error(y.astype(np.float64), beside[known], weight)[0]
    note = f"chance alone would show {noise:.4f}"
    yield at_most("calibration", title, error, slack + NOISE_TIMES * noise, champion=served, note=note)
    if subject.member.runtime is not None:
        yield _worst_grade(subject, y.astype(np.float64), p, weight)


def calibration_error(y: F64, p: F64, weight: F64, bins: int = BINS) -> tuple[float, float]:
    """Mean |said - seen| over groups of equal weight, and what a perfectly calibrated model would show.

    `weight` is how many rows each stands for, so that a sample that keeps every case stays fair.

    >>> y, p = np.repeat([0.0, 1.0], [90, 10]), np.full(100, 0.1)
    >>> calibration_error(y, p, np.ones(100), bins=1)[0] < 1e-12
    True
    """
    order = np.argsort(p, kind="stable")
    y, p, weight = y[order], p[order], weight[order]
    total = weight.sum()
    place = np.minimum((np.cumsum(weight) - weight / 2) / total * bins, bins - 1).astype(np.intp)
    size, said, seen = (np.bincount(place, each, bins) for each in (weight, weight * p, weight * y))
    light = [float(weight[y == side].mean()) if (y == side).any() else 1.0 for side in (0, 1)]
    wide = np.bincount(place, weight * p * (1 - p) * (light[1] * (1 - p) + light[0] * p), bins)
    error = np.abs(said - seen).sum() / total
    noise = np.sqrt(2 / np.pi * wide[size > 0]).sum() / total
    return float(error), float(noise)


def _worst_grade(subject: Subject, y: F64, p: F64, weight: F64) -> Gate:
    """The smallest p-value of Jeffreys' test over the grades: is a grade's PD too low? (ECB 2019)."""
    runtime = subject.member.runtime
    assert runtime is not None
    grades = np.array(runtime.member.grade(p))
    found: dict[str, float] = {}
    for grade in np.unique(grades):
        mine = grades == grade
        n, bad = float(weight[mine].sum()), float((weight * y)[mine].sum())
        said = float(np.average(p[mine], weights=weight[mine]))
        found[str(grade)] = float(betainc(bad + 0.5, n - bad + 0.5, said))
    worst = min(found, key=lambda grade: found[grade])
    title = f"{subject.name}: chance that the PD of the worst grade is high enough (Jeffreys)"
    return at_least("calibration", title, found[worst], JEFFREYS / len(found), note=f"grade {worst}")


def _of_pairs(subject: Subject) -> Gate:
    """Over every pair of customer and product that is scored; a quarter of the rate is allowed."""
    weight = np.repeat(subject.test.weight[:, None], subject.said.shape[1], axis=1)
    known = ~np.isnan(subject.test.labels) & ~np.isnan(subject.said)
    y, p = subject.test.labels[known].astype(np.float64), subject.said[known]
    title = f"{subject.name}: calibration error of customer and product"
    if few := too_few(y.astype(np.int8)):
        return at_most("calibration", title, float("nan"), 0.0, note=few)
    error, noise = calibration_error(y, p, weight[known])
    limit = 0.25 * float(np.average(y, weights=weight[known])) + NOISE_TIMES * noise
    return at_most("calibration", title, error, limit, note=f"chance alone would show {noise:.4f}")
