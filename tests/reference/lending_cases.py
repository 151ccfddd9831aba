"""Random lending policies and applications, seeded, drawn towards the edges of every cut-off."""

import math
from collections.abc import Mapping
from random import Random
from typing import Any

from tests.reference.cases import ODD
from tests.reference.lending import Application, factor
from tests.reference.shapes import NAN

GRADES = ("A", "B", "C", "D", "E", "F", "G")
AMOUNTS = (500.0, 20_000.0, 50_000.0, 100_000.0, 500_000.0)


def random_lending(standard: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The standard lending rules with other numbers."""
    rng = Random(seed)
    lending: dict[str, Any] = dict(standard)
    grades = GRADES[: rng.randint(2, 7)]
    lending["grades"] = {
        grade: {
            "rate": rng.choice([0.0, 0.045, 0.055, 0.07, 0.123456789, 0.2, 1e-05, 1.0]),
            "amount_max": rng.choice(AMOUNTS),
            "term_months_max": rng.choice([12, 36, 120, 600]),
            "exposure_max": rng.choice([100_000.0, 1_000_000.0, 0.0]),
        }
        for grade in grades
    }
    for name in ("application", "behaviour"):
        lending[name] = dict(standard[name]) | _cuts(rng, grades)
    return lending


def _cuts(rng: Random, grades: tuple[str, ...]) -> dict[str, Any]:
    low, high = sorted([rng.choice([0.05, 0.06, 0.25]), rng.choice([0.2, 0.25, 1.0])])
    few, many = sorted([rng.choice([0.5, 6.0, 8.1]), rng.choice([6.0, 12.0])])
    share, all_shares = sorted([rng.choice([0.3, 0.5]), rng.choice([0.5, 0.6, 1.0])])
    refused, declined = rng.sample(grades, 2)
    return {
        "approve_below_pd": low,
        "decline_above_pd": high,
        "refer_grades": [refused] if rng.random() < 0.5 else [],
        "decline_grades": [declined] if rng.random() < 0.5 else [],
        "instalment_to_income_max": share,
        "debt_service_to_income_max": all_shares,
        "income_left_least": rng.choice([0.0, 600.0, 0.01]),
        "amount_max": rng.choice(AMOUNTS),
        "newcomer_amount_max": rng.choice([0.0, 20_000.0, 100_000.0]),
        "refer_above_yearly_incomes": few,
        "decline_above_yearly_incomes": many,
        "decline_from_days_past_due": rng.choice([1, 30]),
        "decline_from_loans_written_off": rng.choice([1, 2]),
        "refer_from_refused_365d": rng.choice([1, 3]),
        "bureau_delinquencies_max": rng.choice([0, 4]),
        "adult_from_age": rng.choice([18, 21]),
    }


def application(lending: Mapping[str, Any], situation: str, rng: Random) -> Application:
    """Somebody who would be approved, but for what is drawn to an edge: little, or nearly all."""
    hot, cuts = rng.choice([0.02, 0.1, 0.4]), lending[situation]
    grade = rng.choice([*lending["grades"]])
    price = lending["grades"][grade]
    harmless: dict[str, Any] = {
        "pd": cuts["approve_below_pd"] / 2, "grade": grade, "income": 1e6, "running": 0.0, "exposure": 0.0,
        "amount": min(price["amount_max"], cuts["amount_max"]) / 2, "term": float(rng.randint(1, 12)),
        "age": 40.0, "newcomer": rng.random() < 0.2,
    }  # fmt: skip
    odd = _odd(lending, cuts, rng, harmless["amount"], harmless["term"], price["rate"])
    drawn = harmless | {key: value for key, value in odd.items() if rng.random() < hot}
    if drawn["newcomer"]:  # nothing is on file about them
        drawn |= dict.fromkeys(("days_past_due", "loans_written_off", "refused_365d", "age"), NAN)
        drawn |= {"running": 0.0, "exposure": 0.0, "bureau_delinquencies": NAN}
    return Application(**drawn)


def _odd(
    lending: Mapping[str, Any], cuts: Mapping[str, Any], rng: Random, amount: float, term: float, rate: float
) -> dict[str, Any]:
    """Every column at an edge of the rules that read it, or at something it should not hold."""
    prices = [each["amount_max"] for each in lending["grades"].values()]
    instalment = math.floor(round(amount * 100) * factor(rate, int(term)))
    shares = [cuts["instalment_to_income_max"], cuts["debt_service_to_income_max"]]
    incomes = [instalment / share / 100 for share in shares]
    incomes += [instalment / 100 + cuts["income_left_least"]]
    yearly = [cuts["refer_above_yearly_incomes"], cuts["decline_above_yearly_incomes"]]
    incomes += [amount / (12 * each) for each in yearly if each]
    room = [each["exposure_max"] - amount for each in lending["grades"].values()]
    return {
        "pd": _near(rng, 1e-9, cuts["approve_below_pd"], cuts["decline_above_pd"], 0.0, 1.0),
        "grade": rng.choice([*lending["grades"], "", "Z"]),
        "amount": _near(rng, 0.01, cuts["amount_max"], cuts["newcomer_amount_max"], *prices),
        "term": _near(rng, 1.0, *(each["term_months_max"] for each in lending["grades"].values()), 600, 0.5),
        "income": _near(rng, 0.01, *incomes, 0.0),
        "running": rng.choice([NAN, _near(rng, 0.01, 0.0, 1_000.0, instalment / 100)]),
        "exposure": rng.choice([NAN, *(_near(rng, 0.01, 0.0, each) for each in room)]),
        "age": _near(rng, 1.0, cuts["adult_from_age"]),
        "days_past_due": _near(rng, 1.0, cuts["decline_from_days_past_due"]),
        "loans_written_off": _near(rng, 1.0, cuts["decline_from_loans_written_off"]),
        "refused_365d": _near(rng, 1.0, cuts["refer_from_refused_365d"]),
        "bureau_delinquencies": _near(rng, 1.0, cuts["bureau_delinquencies_max"]),
        "company": True,
        "newcomer": True,
        "degraded": True,
        "stopped": True,
    }


def _near(rng: Random, unit: float, *edges: float) -> float:
    """One of the edges, a unit, half a unit or the smallest step away, or something no column should hold."""
    if rng.random() < 0.1:
        return rng.choice([*ODD, 1e12, 1e12 + 1])
    edge = rng.choice(edges)
    away = [-unit, -unit / 2, 0.0, 0.0, unit / 2, unit]
    steps = [edge + each for each in away]
    return rng.choice([*steps, math.nextafter(edge, -math.inf), math.nextafter(edge, math.inf)])
