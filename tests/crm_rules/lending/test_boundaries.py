"""Every number of the lending policy, one smallest unit below it, at it, and above it."""

from typing import Any

import numpy as np
import pytest

from crm_rules.lending.limits import LendingSituation
from crm_rules.lending.policy import LENDING_RULES, decide
from crm_rules.policy import Policy
from tests.crm_rules.lending.conftest import NAN, Make

RICH = {"income_monthly": 1e6, "grade": "A"}
BELOW, AT, ABOVE = -1, 0, 1
NEWCOMER = {"is_newcomer": True, "age_years": NAN}

# code, column, threshold, smallest unit, where it holds first (AT: at or above, ABOVE: above), what else
EDGES: list[tuple[str, str, float, float, int, dict[str, Any]]] = [
    ("LEND-01", "pd", 0.25, 1e-9, ABOVE, {}),
    ("LEND-02", "pd", 0.06, 1e-9, AT, {}),
    ("LEND-04", "days_past_due", 30, 1, AT, {}),
    ("LEND-06", "amount", 500_000, 0.01, ABOVE, RICH),
    ("LEND-07", "amount", 100_000, 0.01, ABOVE, RICH | NEWCOMER),
    ("LEND-12", "amount", 400_000, 0.01, ABOVE, RICH | {"grade": "B"}),
    ("LEND-12", "amount", 20_000, 0.01, ABOVE, RICH | {"grade": "G"}),
    ("LEND-13", "term_months", 120, 1, ABOVE, {"grade": "B"}),
    ("LEND-13", "term_months", 96, 1, ABOVE, {"grade": "C"}),
    ("LEND-16", "instalments_monthly", 6_000 * 0.6 - 955.06, 0.01, ABOVE, {}),
    ("LEND-19", "loans_written_off", 1, 1, AT, {}),
    ("LEND-20", "applications_refused_365d", 3, 1, AT, {}),
    ("LEND-21", "bureau_delinquencies", 4, 1, ABOVE, {}),
    ("LEND-22", "exposure_total", 2_500_000 - 50_000, 0.01, ABOVE, {"grade": "B"}),
    ("LEND-22", "amount", 2_500_000 - 2_400_000, 0.01, ABOVE, {"grade": "B", "exposure_total": 2.4e6}),
    ("LEND-23", "exposure_total", 6 * 12 * 6_000 - 50_000, 0.01, ABOVE, {}),
    ("LEND-24", "exposure_total", 12 * 12 * 6_000 - 50_000, 0.01, ABOVE, {}),
]
# the same, falling: it holds below the threshold
FALLING: list[tuple[str, str, float, float, dict[str, Any]]] = [
    ("LEND-02", "pd", 0.25, -1e-9, {}),
    ("LEND-03", "income_monthly", 955.06 / 0.5, 0.01, {}),
    ("LEND-05", "age_years", 18, 1, {}),
    ("LEND-17", "income_monthly", 600 + 955.06 + 500, 0.01, {}),
    ("LEND-23", "income_monthly", 1_000, 0.01, {"amount": 52_000.0}),
]


def held(applicants: Make, policy: Policy, code: str, **changed: Any) -> bool:
    return code in decide(applicants(**changed), policy.lending, "application").held(0)


@pytest.mark.parametrize("step", [BELOW, AT, ABOVE], ids=["below", "at", "above"])
@pytest.mark.parametrize(
    ("code", "column", "threshold", "unit", "first", "more"),
    [pytest.param(*edge, id=f"{edge[0]}-{edge[1]}-{edge[2]:g}") for edge in EDGES],
)
def test_a_rule_holds_from_its_threshold_on(
    applicants: Make, policy: Policy, code: str, column: str, threshold: float, unit: float, first: int,
    more: dict[str, Any], step: int,
) -> None:  # fmt: skip
    value = round(threshold + step * unit, 9)
    assert held(applicants, policy, code, **more | {column: value}) == (step >= first)


@pytest.mark.parametrize("step", [BELOW, AT, ABOVE], ids=["below", "at", "above"])
@pytest.mark.parametrize(
    ("code", "column", "threshold", "unit", "more"),
    [pytest.param(*edge, id=f"{edge[0]}-{edge[1]}") for edge in FALLING],
)
def test_a_rule_holds_below_its_threshold(
    applicants: Make, policy: Policy, code: str, column: str, threshold: float, unit: float,
    more: dict[str, Any], step: int,
) -> None:  # fmt: skip
    value = round(threshold + step * abs(unit), 9)
    assert held(applicants, policy, code, **more | {column: value}) == (step < 0 or (unit < 0 and step == 0))


@pytest.mark.parametrize(
    ("age", "codes"),
    [
        pytest.param(17.0, {"LEND-05"}, id="below"),
        pytest.param(18.0, {"LEND-18"}, id="at"),
        pytest.param(19.0, set(), id="above"),
    ],
)
def test_only_a_year_after_coming_of_age_is_it_sure(
    applicants: Make, policy: Policy, age: float, codes: set[str]
) -> None:
    found = decide(applicants(age_years=age), policy.lending, "application").held(0)
    assert set(found) & {"LEND-05", "LEND-18"} == codes


@pytest.mark.parametrize(
    ("term", "refused"),
    [pytest.param(t, r, id=f"{t:g}") for t, r in ((0, True), (1, False), (600, False), (601, True))],
)
def test_a_term_is_known_from_one_month_to_fifty_years(
    applicants: Make, policy: Policy, term: float, refused: bool
) -> None:
    assert held(applicants, policy, "LEND-08", term_months=term) == refused


@pytest.mark.parametrize(
    ("column", "value", "refused"),
    [
        pytest.param("pd", np.nextafter(0, -1), True, id="pd-below-nothing"),
        pytest.param("pd", 0.0, False, id="pd-nothing"),
        pytest.param("pd", 1.0, False, id="pd-certain"),
        pytest.param("pd", np.nextafter(1, 2), True, id="pd-beyond-certain"),
        pytest.param("amount", -0.01, True, id="amount-below-nothing"),
        pytest.param("amount", 0.0, False, id="amount-nothing"),
        pytest.param("amount", 0.01, False, id="amount-a-cent"),
        pytest.param("amount", 1e12, False, id="amount-largest"),
        pytest.param("amount", 1e12 + 0.01, True, id="amount-beyond"),
        pytest.param("income_monthly", -0.01, True, id="income-below-nothing"),
        pytest.param("income_monthly", 0.0, False, id="income-nothing"),
    ],
)
def test_what_makes_no_sense_is_unknown(
    applicants: Make, policy: Policy, column: str, value: float, refused: bool
) -> None:
    assert held(applicants, policy, "LEND-08", **{column: value}) == refused


def test_every_number_of_a_situation_has_its_edge() -> None:
    by_flag = {"LEND-08", "LEND-09", "LEND-10", "LEND-11", "LEND-14", "LEND-15", "LEND-18"}
    told = {edge[0] for edge in EDGES} | {edge[0] for edge in FALLING}
    assert told == {each.code for each in LENDING_RULES} - by_flag
    assert len(LendingSituation.__dataclass_fields__) == 16
