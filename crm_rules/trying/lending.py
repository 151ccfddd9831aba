"""The thresholds of lending rules, tried on a typical applicant."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from crm_rules.lending.applicants import Applicants, Priced
from crm_rules.lending.limits import LendingSituation
from crm_rules.lending.rulebook import LENDING_RULES
from crm_rules.policy import Policy
from crm_rules.rules import F64Array, judge
from crm_rules.trying import typical
from crm_rules.trying.threshold import Threshold, Tried

INCOME = float(str(typical.APPLICANT["income_monthly"]))
CENT = 0.01
THRESHOLDS = (
    Threshold("approve_below_pd", "LEND-02", "pd", 1e-9),
    Threshold("decline_above_pd", "LEND-01", "pd", 1e-9),
    Threshold("instalment_to_income_max", "LEND-03", "instalment", CENT, INCOME),
    Threshold("debt_service_to_income_max", "LEND-16", "service", CENT, INCOME),
    Threshold("income_left_least", "LEND-17", "left", CENT),
    Threshold("amount_max", "LEND-06", "amount", CENT),
    Threshold("newcomer_amount_max", "LEND-07", "amount", CENT, beside={"is_newcomer": True}),
    Threshold("refer_above_yearly_incomes", "LEND-23", "owed", CENT, 12 * INCOME),
    Threshold("decline_above_yearly_incomes", "LEND-24", "owed", CENT, 12 * INCOME),
    Threshold("decline_from_days_past_due", "LEND-04", "days_past_due"),
    Threshold("decline_from_loans_written_off", "LEND-19", "loans_written_off"),
    Threshold("refer_from_refused_365d", "LEND-20", "applications_refused_365d"),
    Threshold("bureau_delinquencies_max", "LEND-21", "bureau_delinquencies"),
    Threshold("adult_from_age", "LEND-05", "age_years"),
)  # fmt: skip
OF_GRADE = (
    Threshold("amount_max", "LEND-12", "amount", CENT),
    Threshold("term_months_max", "LEND-13", "term_months"),
    Threshold("exposure_max", "LEND-22", "owed", CENT),
)
ASKED = frozenset(each.name for each in fields(Applicants)) - {each.name for each in fields(Priced)}


def tried(policy: Policy) -> Iterator[Tried]:
    """Every threshold of both situations, and of every grade."""
    for name in ("application", "behaviour"):
        cuts = policy.lending.situation(name)
        for each in THRESHOLDS:
            yield _tried(each, f"lending.{name}.{each.key}", getattr(cuts, each.key), policy, cuts)
    for grade, gets in policy.lending.grades.items():
        for each in OF_GRADE:
            of_grade = replace(each, beside={"grade": grade})
            key = f"lending.grades.{grade}.{each.key}"
            yield _tried(of_grade, key, getattr(gets, each.key), policy, policy.lending.application)


def _tried(each: Threshold, key: str, value: float, policy: Policy, cuts: LendingSituation) -> Tried:
    """In whole cents where the column is money, as the rules compare it."""
    scale = 100.0 if each.unit == CENT else 1.0
    middle = np.floor(value * each.times * scale) if each.unit == CENT else value * each.times
    steps = middle + np.array([-1.0, 0.0, 1.0]) * each.unit * scale
    priced = Priced.of(typical.applicants(policy, [each.beside] * 3), policy.lending.grades)
    codes = _codes(_changed(priced, each.column, steps), cuts)
    return Tried(key, value, each.code, each.column, tuple(zip((steps / scale).tolist(), codes, strict=True)))


def _changed(priced: Priced, column: str, values: F64Array) -> Priced:
    changed: dict[str, Any] = {column: values}
    if column in ASKED:
        return replace(priced, asked=replace(priced.asked, **changed))
    return replace(priced, **changed)


def _codes(priced: Priced, cuts: LendingSituation) -> list[tuple[str, ...]]:
    held = np.column_stack(
        [
            each.holds if each.unjudged is None else each.holds | each.unjudged
            for each in judge(LENDING_RULES, priced, cuts)
        ]
    )
    return [tuple(LENDING_RULES[at].code for at in np.flatnonzero(row).tolist()) for row in held]
