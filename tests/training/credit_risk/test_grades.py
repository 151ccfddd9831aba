import numpy as np
import pytest

from training.credit_risk.grades import as_metrics, by_grade, exhibit, hosmer_lemeshow, jeffreys, slope
from training.validation import F64, Labels

WINDOW = {"from": "2026-01-01T00:00:00+00:00", "to": "2026-03-31T00:00:00+00:00"}


def honest(n: int = 20_000, factor: float = 1.0) -> tuple[Labels, F64]:
    """Outcomes drawn from `factor` times the odds that are said."""
    rng = np.random.default_rng(4)
    p = rng.beta(1.2, 12, n)
    odds = factor * p / (1 - p)
    return (rng.random(n) < odds / (1 + odds)).astype(np.int8), p


@pytest.mark.parametrize(
    ("bad", "n", "said", "low"),
    [
        pytest.param(0, 500, 0.001, False, id="nobody-defaulted"),
        pytest.param(10, 1000, 0.01, False, id="just-as-said"),
        pytest.param(19, 1000, 0.01, True, id="twice-as-said"),
        pytest.param(1, 1, 0.5, False, id="one-customer"),
    ],
)
def test_a_grade_is_refused_when_more_default_than_said(bad: int, n: int, said: float, low: bool) -> None:
    y = np.repeat([0, 1], [n - bad, bad]).astype(np.int8)
    found = jeffreys("A", y, np.full(n, said))
    assert (found.p_value < 0.05) is low
    assert found.low <= max(bad / n, 1e-3) + 1e-9
    assert found.high >= bad / n or bad == n


def test_probabilities_that_hold_pass_every_test() -> None:
    y, p = honest()
    assert hosmer_lemeshow(y, p)[1] > 0.01
    steep, start = slope(y, p)
    assert steep == pytest.approx(1.0, abs=0.1)
    assert start == pytest.approx(0.0, abs=0.25)


def test_probabilities_that_are_too_low_are_found_out() -> None:
    y, p = honest(factor=1.5)
    grades = np.where(p < 0.05, "A", np.where(p < 0.15, "B", "C")).tolist()
    tests = by_grade(grades, y, p)
    assert [each.grade for each in tests] == ["A", "B", "C"]
    assert all(each.p_value < 0.05 for each in tests)
    assert hosmer_lemeshow(y, p)[1] < 1e-6
    assert as_metrics(tests, y, p)["grades_said_too_low"] == ["A", "B", "C"]
    shown = exhibit("application", tests, WINDOW)
    assert "A, B, C default more often than said" in shown.title
    assert len(shown.rows) == 3
