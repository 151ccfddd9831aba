"""Lending decisions: rules over applicants; the worst effect wins, and what is unknown goes to a person.

A decline is automated only on known, complete input, and the applicant may always ask for a person. Degraded
input, an unknown risk or income, or a stopped model neither approves nor declines: it refers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_rules.lending.limits import Lending, LendingSituation
from crm_rules.rules import Effect, F64Array, Mask, rule

OWN = "bank policy"
GDPR22 = "GDPR Art 22; PIPL Art 24"
AFFORDABLE = "CCD2 2023/2225 Art 18"


@dataclass(frozen=True)
class Applicants:
    """n applicants; float arrays of length n with NaN for unknown, bool arrays of length n.

    `instalment_to_income` is monthly instalment over monthly income; `amount` is asked for, or outstanding.
    `age_years` serves the capacity to contract alone and never reaches a credit model. `days_past_due` is NaN
    where nothing is owed.
    """

    pd: F64Array
    instalment_to_income: F64Array
    amount: F64Array
    age_years: F64Array
    days_past_due: F64Array
    is_newcomer: Mask
    degraded: Mask
    stopped: Mask

    def __len__(self) -> int:
        return len(self.pd)


@dataclass(frozen=True)
class Decisions:
    """`outcome` (n,): "approve", "refer" or "decline"; `rules` (n, R): which rules of `rule_codes` held."""

    outcome: NDArray[np.str_]
    rules: Mask
    rule_codes: tuple[str, ...]


@rule(code="LEND-01", law=OWN, effect=Effect.DECLINE)
def risk_too_high(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The estimated risk of default is above the highest the bank takes."""
    return applicants.pd > cuts.decline_above_pd


@rule(code="LEND-02", law=OWN, effect=Effect.REFER)
def risk_needs_a_look(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The estimated risk of default is between the two limits, so a person decides."""
    return (applicants.pd >= cuts.approve_below_pd) & (applicants.pd <= cuts.decline_above_pd)


@rule(code="LEND-03", law=AFFORDABLE, effect=Effect.DECLINE)
def instalment_not_affordable(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The instalment takes a larger share of the income than the policy allows."""
    return applicants.instalment_to_income > cuts.instalment_to_income_max


@rule(code="LEND-04", law=OWN, effect=Effect.DECLINE)
def payments_are_late(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """A payment on a running loan is late by more days than the policy allows."""
    return applicants.days_past_due >= cuts.decline_from_days_past_due


@rule(
    code="LEND-05",
    law="capacity to contract: PRC Civil Code Art 17-19; Reg B 1002.6(b)(2)",
    effect=Effect.DECLINE,
)
def a_minor(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The applicant is not of age."""
    return applicants.age_years < cuts.adult_from_age


@rule(code="LEND-06", law=OWN, effect=Effect.REFER)
def amount_needs_a_person(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The amount is above what may be decided without a person."""
    return applicants.amount > cuts.amount_max


@rule(code="LEND-07", law=OWN, effect=Effect.REFER)
def newcomer_asks_for_much(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The applicant is new to the bank, and the amount is above what a newcomer gets without a person."""
    return applicants.is_newcomer & (applicants.amount > cuts.newcomer_amount_max)


@rule(code="LEND-08", law=GDPR22, effect=Effect.PERSON)
def something_is_unknown(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The risk, the amount or the share of income is not known, or makes no sense."""
    known_pd = (applicants.pd >= 0) & (applicants.pd <= 1)
    known = [(x >= 0) & np.isfinite(x) for x in (applicants.instalment_to_income, applicants.amount)]
    unknown: Mask = ~(known_pd & known[0] & known[1])
    return unknown


@rule(code="LEND-09", law=GDPR22, effect=Effect.PERSON)
def input_is_degraded(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """Part of what the decision reads could not be reached."""
    return applicants.degraded


@rule(code="LEND-10", law=GDPR22, effect=Effect.PERSON)
def model_is_stopped(applicants: Applicants, cuts: LendingSituation) -> Mask:
    """The bank has stopped the model that estimates the risk."""
    return applicants.stopped


LENDING_RULES = (
    risk_too_high,
    risk_needs_a_look,
    instalment_not_affordable,
    payments_are_late,
    a_minor,
    amount_needs_a_person,
    newcomer_asks_for_much,
    something_is_unknown,
    input_is_degraded,
    model_is_stopped,
)  # fmt: skip
LENDING_CODES = tuple(rule.code for rule in LENDING_RULES)


def _any(rules: Mask, effect: Effect) -> Mask:
    return np.asarray(rules[:, [rule.effect is effect for rule in LENDING_RULES]].any(axis=1))


def decide(applicants: Applicants, policy: Lending, situation: str) -> Decisions:
    """Decide n applications in the situation "application" or "behaviour".

    A rule with effect PERSON refers whatever the others say; else decline beats refer beats approve.
    """
    cuts = policy.situation(situation)
    rules = np.column_stack([rule.mask(applicants, cuts) for rule in LENDING_RULES])
    outcome = np.select(
        [_any(rules, Effect.PERSON), _any(rules, Effect.DECLINE), _any(rules, Effect.REFER)],
        ["refer", "decline", "refer"],
        default="approve",
    )
    return Decisions(outcome, rules, LENDING_CODES)
