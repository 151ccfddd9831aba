"""Does each grade default as often as it says? Jeffreys' test by grade, Hosmer-Lemeshow, slope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, chi2

from training.credit_risk.situations import IN_CHINESE
from training.evidence.canvas import below
from training.evidence.exhibit import Exhibit
from training.learning import logistic
from training.validation import F64, Labels

REJECTED = 0.05  # a p-value below it says that a grade's PD is too low


@dataclass(frozen=True)
class GradeTest:
    """One grade: how many, how many defaulted, what was said, and how well that holds.

    `p_value` is the chance, given what was seen (Jeffreys' prior), that the true rate is at most what was
    said; `low` and `high` bound the true rate at 95 %.
    """

    grade: str
    n: int
    bad: int
    said: float
    p_value: float
    low: float
    high: float


def jeffreys(grade: str, y: Labels, p: F64) -> GradeTest:
    """Jeffreys' test of one grade's PD (ECB, Instructions for reporting the validation results, 2019).

    >>> fine = jeffreys("A", np.repeat([0, 1], [990, 10]).astype(np.int8), np.full(1000, 0.012))
    >>> low = jeffreys("A", np.repeat([0, 1], [970, 30]).astype(np.int8), np.full(1000, 0.012))
    >>> fine.p_value > 0.5, low.p_value < 0.001
    (True, True)
    """
    n, bad, said = len(y), int(y.sum()), float(p.mean())
    seen = beta(bad + 0.5, n - bad + 0.5)
    low, high = (float(bound) for bound in seen.interval(0.95))
    return GradeTest(grade, n, bad, said, float(seen.cdf(said)), low, high)


def by_grade(grades: Sequence[str], y: Labels, p: F64) -> tuple[GradeTest, ...]:
    """The test of every grade that occurs, in their order; `grades` names each row's."""
    names = np.asarray(grades, np.str_)
    return tuple(jeffreys(str(name), y[names == name], p[names == name]) for name in np.unique(names))


def hosmer_lemeshow(y: Labels, p: F64, groups: int = 10) -> tuple[float, float]:
    """The statistic over groups of equal size and its p-value, on rows the model has not seen."""
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), groups) if len(part)]
    expected = np.array([p[part].sum() for part in parts])
    seen, size = np.array([y[part].sum() for part in parts]), np.array([len(part) for part in parts])
    spread = np.maximum(expected * (1 - expected / size), 1e-12)
    statistic = float((((seen - expected) ** 2) / spread).sum())
    return statistic, float(chi2.sf(statistic, len(parts)))


def slope(y: Labels, p: F64) -> tuple[float, float]:
    """The line of the outcome on the log odds said: slope 1 and intercept 0 where they hold (Cox 1958)."""
    clipped = np.clip(p, 1e-9, 1 - 1e-9)
    found = logistic.fit(np.log(clipped / (1 - clipped))[:, None], y, 1e-6)
    return float(found.weights[0]), found.intercept


def as_metrics(tests: Sequence[GradeTest], y: Labels, p: F64) -> dict[str, object]:
    """The figures of the calibration by grade."""
    statistic, p_value = hosmer_lemeshow(y, p)
    steep, start = slope(y, p)
    return {
        "grades": {
            t.grade: {"n": t.n, "bad": t.bad, "said": round(t.said, 5), "seen": round(t.bad / t.n, 5),
                      "jeffreys_p": round(t.p_value, 5), "interval": [round(t.low, 5), round(t.high, 5)]}
            for t in tests
        },
        "grades_said_too_low": [t.grade for t in tests if t.p_value < REJECTED],
        "hosmer_lemeshow": [round(statistic, 3), round(p_value, 5)],
        "calibration_slope": round(steep, 4), "calibration_intercept": round(start, 4),
        "said_over_seen": round(float(p.mean() / max(float(y.mean()), 1e-12)), 4),
    }  # fmt: skip


def exhibit(name: str, tests: Sequence[GradeTest], window: Mapping[str, str]) -> Exhibit:
    """The table of the grades; its title says which PDs are too low."""
    low = [t.grade for t in tests if t.p_value < REJECTED]
    n = sum(t.n for t in tests)
    finding = f"{', '.join(low)} default more often than said" if low else "no grade's PD is too low"
    finding_zh = f"{'、'.join(low)} 级的违约率高于预测" if low else "各等级的违约概率均未低估"
    rows = tuple(
        (t.grade, t.n, t.bad, round(t.said, 4), round(t.bad / t.n, 4), round(t.low, 4), round(t.high, 4),
         round(t.p_value, 4))
        for t in tests
    )  # fmt: skip
    return Exhibit(
        f"Credit {name}, PD by grade: {finding} ({below(window, n)})",
        f"信用风险（{IN_CHINESE[name]}），各等级违约概率：{finding_zh}", b"",
        ("grade", "n", "defaults", "said", "seen", "low", "high", "jeffreys p"), rows,
    )  # fmt: skip
