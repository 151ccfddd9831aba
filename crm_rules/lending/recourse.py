"""What an applicant could change so that the decision becomes yes: the smallest changes that do.

Only what a person can do about the request is ever asked: a smaller amount, a longer term, somebody who
applies along, a card paid down, a late payment made good. Age, tenure, income and what happened before
stay as they are. Each plan is decided again by whoever asks; only what turned out approved is told.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_rules.lending.limits import LEVERS, Recourse
from crm_rules.rules import F64Array, Mask

WAY_CODES = tuple(f"WAY-{lever}" for lever in LEVERS)
REQUEST = ("amount", "term_months", "co_applicant")
FEATURES = ("credit_utilisation", "days_past_due", "instalments_monthly", "balance_last")
CHANGED_FEATURES = ("credit_utilisation", "days_past_due", "balance_last")
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5, 0.4, 0.3)
YEARS = (0, 1, 2, 3)
MOST_LEVERS = 2

# One plan a row: share of the amount, years added to the term, co-applicant, card, arrears.
PLANS: F64Array = np.array(
    [
        plan
        for plan in itertools.product(SHARES, YEARS, (0, 1), (0, 1), (0, 1))
        if (plan[0] < 1) + sum(step > 0 for step in plan[1:]) <= MOST_LEVERS
    ],
    np.float64,
)


@dataclass(frozen=True)
class Candidates:
    """m changed applications: of which case, what is asked and known instead, and how much it takes.

    `request` and `features` hold the columns of REQUEST and CHANGED_FEATURES, each (m,); `moved` (m,
    len(LEVERS)) says which levers a candidate moves; `effort` (m,) is weighed by the policy.
    """

    case: npt.NDArray[np.intp]
    request: Mapping[str, F64Array]
    features: Mapping[str, F64Array]
    moved: Mask
    effort: F64Array

    def __len__(self) -> int:
        return len(self.case)


@dataclass(frozen=True)
class Change:
    """One lever: where it stands and where it would have to stand."""

    lever: str
    before: float | None
    after: float


def candidates(
    request: Mapping[str, F64Array], features: Mapping[str, F64Array], largest: F64Array, policy: Recourse
) -> Candidates:
    """Every plan that is possible for each of n cases, case by case.

    `request` holds REQUEST, `features` FEATURES, NaN for what is unknown; `largest` (n,) is the amount
    that is decided without a person. No plan goes beyond the bounds of the policy.
    """
    known = {name: values[:, None] for name, values in {**request, **features}.items()}
    _, years, together, card, arrears = PLANS.T
    amount = _amounts(known["amount"], largest[:, None], policy.amount_round_to)
    moved = np.stack(
        np.broadcast_arrays(amount < known["amount"], years > 0, together > 0, card > 0, arrears > 0), axis=-1
    )
    possible = moved.any(axis=2) & _within(known, amount, policy)
    after = {
        "amount": amount,
        "term_months": known["term_months"] + 12 * years,
        "co_applicant": np.where(together > 0, 1.0, known["co_applicant"]),
        "credit_utilisation": np.where(card > 0, policy.card_utilisation, known["credit_utilisation"]),
        "days_past_due": np.where(arrears > 0, 0.0, known["days_past_due"]),
        "balance_last": known["balance_last"] - np.where(arrears > 0, _owed(known), 0.0),
    }
    chosen = {name: _picked(values, possible) for name, values in after.items()}
    return Candidates(
        np.nonzero(possible)[0],
        {name: chosen[name] for name in REQUEST},
        {name: chosen[name] for name in CHANGED_FEATURES},
        moved[possible],
        _picked(_effort(known["amount"], amount, policy.effort), possible),
    )


def _amounts(asked: F64Array, largest: F64Array, step: float) -> F64Array:
    """What each plan asks for, (n, plans): a share of what may be asked, rounded down where it is less."""
    amount = np.minimum(asked, largest) * PLANS[:, 0]
    return np.where(amount < asked, np.floor(amount / step) * step, asked)


def _within(known: Mapping[str, F64Array], amount: F64Array, policy: Recourse) -> Mask:
    """Which plans the policy's bounds and the case itself allow, (n, plans)."""
    share, years, together, card, arrears = PLANS.T
    asked, term = known["amount"], known["term_months"] + 12 * years
    allowed: Mask = (
        ((share == 1) | (amount < asked))
        & (amount >= np.maximum(policy.amount_least_share * asked, policy.amount_round_to))
        & ((years == 0) | (term <= policy.term_months_max))
        & ((together == 0) | (known["co_applicant"] != 1))
        & ((card == 0) | (known["credit_utilisation"] > policy.card_utilisation))
        & ((arrears == 0) | (known["days_past_due"] > 0))
    )
    return allowed


def _owed(known: Mapping[str, F64Array]) -> F64Array:
    """What is late, about: an instalment for each month begun since it fell due."""
    late = np.where(known["days_past_due"] > 0, known["days_past_due"], 0.0)
    owed: F64Array = known["instalments_monthly"] * (1 + np.floor(late / 30))
    return owed


def _effort(asked: F64Array, amount: F64Array, weight: Mapping[str, float]) -> F64Array:
    _, years, together, card, arrears = PLANS.T
    return np.asarray(
        weight["amount"] * (1 - amount / asked)
        + weight["term_months"] * years
        + weight["co_applicant"] * together
        + weight["card"] * card
        + weight["arrears"] * arrears
    )


def _picked(values: F64Array, possible: Mask) -> F64Array:
    return np.ascontiguousarray(np.broadcast_to(values, possible.shape)[possible])


def ways(tried: Candidates, approved: Mask, cases: int, policy: Recourse) -> list[npt.NDArray[np.intp]]:
    """For each of `cases` the approved candidates to tell, least effort first, as many as the policy says.

    One for each set of levers, and none that asks for more levers than a cheaper one told already.

    >>> none = {}
    >>> moved = np.array([[1, 0], [1, 1], [0, 1], [1, 0]], bool)
    >>> tried = Candidates(np.zeros(4, int), none, none, moved, np.array([0.3, 0.4, 0.5, 0.1]))
    >>> two = Recourse(2, 0.3, 100.0, 84, 0.3, {})
    >>> [found.tolist() for found in ways(tried, np.array([True, True, True, False]), 1, two)]
    [[0, 2]]
    """
    found: list[npt.NDArray[np.intp]] = []
    for case in range(cases):
        mine = np.flatnonzero(approved & (tried.case == case))
        told: list[int] = []
        for at in mine[np.argsort(tried.effort[mine], kind="stable")].tolist():
            if len(told) < policy.ways and not any(
                (tried.moved[at] >= tried.moved[other]).all() for other in told
            ):
                told.append(at)
        found.append(np.array(told, np.intp))
    return found


def changes(
    tried: Candidates, at: int, request: Mapping[str, F64Array], features: Mapping[str, F64Array]
) -> tuple[Change, ...]:
    """What candidate number `at` changes, in the order of LEVERS."""
    case = int(tried.case[at])
    before = {**{name: request[name] for name in REQUEST}, "card": features["credit_utilisation"],
              "arrears": features["days_past_due"]}  # fmt: skip
    after = {**tried.request, "card": tried.features["credit_utilisation"],
             "arrears": tried.features["days_past_due"]}  # fmt: skip
    return tuple(
        Change(lever, _known(before[lever][case]), float(after[lever][at]))
        for number, lever in enumerate(LEVERS)
        if tried.moved[at, number]
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
