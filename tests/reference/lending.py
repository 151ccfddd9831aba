"""One application for credit, decided slowly: crm_rules/README.md, section "Lending", written again.

Nothing of crm_rules is imported, and no numpy. Money is compared in cents, instalments are exact fractions.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

from tests.reference.shapes import NAN

MOST = 1e12
PERSON = {"LEND-08", "LEND-09", "LEND-10", "LEND-11", "POLICY_UNAVAILABLE"}
DECLINE = {f"LEND-{n:02}" for n in (1, 3, 4, 5, 15, 16, 17, 19, 21, 24)}


@dataclass(frozen=True)
class Application:
    """One applicant and what they ask for; what is not known is NaN."""

    pd: float
    grade: str
    amount: float
    term: float
    income: float
    running: float = 0.0
    exposure: float = 0.0
    age: float = NAN
    days_past_due: float = NAN
    loans_written_off: float = NAN
    refused_365d: float = NAN
    bureau_delinquencies: float = NAN
    company: bool = False
    newcomer: bool = False
    degraded: bool = False
    stopped: bool = False


@dataclass(frozen=True)
class Terms:
    """What an approval promises; money in whole cents."""

    amount: float
    term: float
    rate: float
    instalment: float
    limit: float


@dataclass(frozen=True)
class Credit:
    """The outcome, the codes of the rules that held, and the terms of an approval."""

    outcome: str
    codes: frozenset[str]
    terms: Terms | None


def decide(lending: Mapping[str, Any], situation: str, asked: Application) -> Credit:
    """What happens to one application."""
    asked = sensible(asked)
    cuts, grades = lending[situation], lending["grades"]
    price = grades.get(asked.grade)
    codes = frozenset(
        {
            *_risk(cuts, grades, asked),
            *_person(cuts, asked),
            *_amounts(cuts, price, asked),
            *_affordable(cuts, _instalment(price, asked), asked),
            *_owed(cuts, price, asked),
        }
    )
    if codes & PERSON:
        outcome = "refer"
    elif codes & DECLINE:
        outcome = "decline"
    else:
        outcome = "refer" if codes else "approve"
    return Credit(outcome, codes, _terms(cuts, price, asked) if outcome == "approve" else None)


def sensible(asked: Application) -> Application:
    """The same with what makes no sense unknown; nothing is owed by a newcomer."""

    def within(value: float, most: float) -> float:
        return value if 0 <= value <= most else NAN

    return replace(
        asked,
        pd=within(asked.pd, 1.0),
        amount=within(asked.amount, MOST),
        income=within(asked.income, MOST),
        term=asked.term if 1 <= asked.term <= 600 and asked.term == int(asked.term) else NAN,
        running=0.0 if asked.newcomer else within(asked.running, MOST),
        exposure=0.0 if asked.newcomer else within(asked.exposure, MOST),
    )


def cents(amount: float) -> float:
    """Whole cents, a half to the even one; NaN of NaN."""
    return amount if math.isnan(amount) else float(round(100 * amount))


@cache
def factor(rate: float, term: int) -> Fraction:
    """The instalment of 1, rounded half up to 12 decimals."""
    monthly = Fraction(repr(rate)) / 12
    exact = monthly / (1 - (1 + monthly) ** -term) if monthly else Fraction(1, term)
    return Fraction(math.floor(exact * 10**12 + Fraction(1, 2)), 10**12)


def _instalment(price: Mapping[str, float] | None, asked: Application) -> float:
    """In cents; NaN where there is none."""
    if price is None or math.isnan(asked.term) or math.isnan(asked.amount):
        return NAN
    exact = int(cents(asked.amount)) * factor(price["rate"], int(asked.term))
    return float(math.floor(exact + Fraction(1, 2)))


def _risk(cuts: Mapping[str, Any], grades: Mapping[str, Any], asked: Application) -> Iterator[str]:
    if asked.pd > cuts["decline_above_pd"]:
        yield "LEND-01"
    if cuts["approve_below_pd"] <= asked.pd <= cuts["decline_above_pd"]:
        yield "LEND-02"
    if asked.grade not in grades:
        yield "LEND-11"
    if asked.grade in cuts["refer_grades"]:
        yield "LEND-14"
    if asked.grade in cuts["decline_grades"]:
        yield "LEND-15"
    if any(math.isnan(each) for each in (asked.pd, asked.amount, asked.term, asked.income)):
        yield "LEND-08"
    if asked.degraded:
        yield "LEND-09"
    if asked.stopped:
        yield "LEND-10"


def _person(cuts: Mapping[str, Any], asked: Application) -> Iterator[str]:
    adult = cuts["adult_from_age"]
    if asked.days_past_due >= cuts["decline_from_days_past_due"]:
        yield "LEND-04"
    if not asked.company and asked.age < adult:
        yield "LEND-05"
    unsure = math.isnan(asked.age) and not asked.newcomer
    if not asked.company and (asked.age == adult or unsure):
        yield "LEND-18"
    if asked.loans_written_off >= cuts["decline_from_loans_written_off"]:
        yield "LEND-19"
    if asked.refused_365d >= cuts["refer_from_refused_365d"]:
        yield "LEND-20"
    if asked.bureau_delinquencies > cuts["bureau_delinquencies_max"]:
        yield "LEND-21"


def _amounts(cuts: Mapping[str, Any], price: Mapping[str, Any] | None, asked: Application) -> Iterator[str]:
    amount = cents(asked.amount)
    if amount > cents(cuts["amount_max"]):
        yield "LEND-06"
    if asked.newcomer and amount > cents(cuts["newcomer_amount_max"]):
        yield "LEND-07"
    if price is not None and amount > cents(price["amount_max"]):
        yield "LEND-12"
    if price is not None and asked.term > price["term_months_max"]:
        yield "LEND-13"


def _affordable(cuts: Mapping[str, Any], instalment: float, asked: Application) -> Iterator[str]:
    income, service = cents(asked.income), instalment + cents(asked.running)
    if instalment > cuts["instalment_to_income_max"] * income:
        yield "LEND-03"
    if math.isnan(asked.running):
        yield "POLICY_UNAVAILABLE"
    if service > cuts["debt_service_to_income_max"] * income:
        yield "LEND-16"
    if income - service < cents(cuts["income_left_least"]):
        yield "LEND-17"


def _owed(cuts: Mapping[str, Any], price: Mapping[str, Any] | None, asked: Application) -> Iterator[str]:
    owed, income = cents(asked.exposure) + cents(asked.amount), cents(asked.income)
    if math.isnan(asked.exposure):
        yield "POLICY_UNAVAILABLE"
    if price is not None and owed > cents(price["exposure_max"]):
        yield "LEND-22"
    if owed > (12 * cuts["refer_above_yearly_incomes"]) * income:
        yield "LEND-23"
    if owed > (12 * cuts["decline_above_yearly_incomes"]) * income:
        yield "LEND-24"


def _terms(cuts: Mapping[str, Any], price: Mapping[str, Any] | None, asked: Application) -> Terms:
    assert price is not None, "no approval without a grade of the policy"
    most = [
        cuts["amount_max"],
        price["amount_max"],
        *([cuts["newcomer_amount_max"]] if asked.newcomer else []),
    ]
    limit = min(*(cents(each) for each in most), cents(price["exposure_max"]) - cents(asked.exposure))
    instalment = _instalment(price, asked)
    return Terms(cents(asked.amount), asked.term, price["rate"], instalment, float(max(limit, 0)))
