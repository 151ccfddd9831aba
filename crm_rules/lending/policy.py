"""Lending decisions: rules over applicants; the worst effect wins, and what is unknown goes to a person.

A decline is automated only on known, complete input, and the applicant may always ask for a person. Degraded
input, an unknown risk or income, a grade without a price, a stopped model, or a rule without a verdict
neither approves nor declines: it refers.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_rules.lending.applicants import Applicants, Priced
from crm_rules.lending.limits import Lending
from crm_rules.lending.rulebook import LENDING_RULES
from crm_rules.lending.terms import Terms
from crm_rules.rules import UNAVAILABLE, Effect, Mask, Verdict, judge

__all__ = ["EFFECTS", "LENDING_CODES", "LENDING_RULES", "Applicants", "Decisions", "decide"]
LENDING_CODES = (*(rule.code for rule in LENDING_RULES), UNAVAILABLE)
EFFECTS = (*(rule.effect for rule in LENDING_RULES), Effect.PERSON)
OF_EFFECT = {effect: np.array([each is effect for each in EFFECTS]) for effect in Effect}


@dataclass(frozen=True)
class Decisions:
    """n applications decided: `outcome` (n,) is "approve", "refer" or "decline".

    `rules` (n, R) says which rules of `rule_codes` held; the last one is POLICY_UNAVAILABLE, where a rule
    had no verdict. `terms` are those of an approval, wherever the grade has a price.
    """

    outcome: NDArray[np.str_]
    rules: Mask
    rule_codes: tuple[str, ...]
    terms: Terms

    def held(self, row: int, effects: Collection[Effect] = tuple(Effect)) -> list[str]:
        """The codes of the rules that held for one application, of these effects."""
        held = np.flatnonzero(self.rules[row]).tolist()
        return [self.rule_codes[at] for at in held if EFFECTS[at] in effects]


def decide(applicants: Applicants, policy: Lending, situation: str) -> Decisions:
    """Decide n applications in the situation "application" or "behaviour".

    A rule with effect PERSON refers whatever the others say; else decline beats refer beats approve.
    """
    cuts = policy.situation(situation)
    priced = Priced.of(applicants, policy.grades)
    rules = _held(judge(LENDING_RULES, priced, cuts), len(applicants))
    outcome = np.select(
        [_any(rules, Effect.PERSON), _any(rules, Effect.DECLINE), _any(rules, Effect.REFER)],
        ["refer", "decline", "refer"],
        default="approve",
    )
    return Decisions(outcome, rules, LENDING_CODES, priced.terms(cuts))


def _held(verdicts: list[Verdict], n: int) -> Mask:
    """(n, R): which rules held, and last whether one of them had no verdict; that one then does not hold."""
    rules = np.zeros((n, len(LENDING_CODES)), np.bool_)
    for at, verdict in enumerate(verdicts):
        rules[:, at] = verdict.holds
        if verdict.unjudged is not None:
            rules[:, at] &= ~verdict.unjudged
            rules[:, -1] |= verdict.unjudged
    return rules


def _any(rules: Mask, effect: Effect) -> Mask:
    return np.asarray((rules & OF_EFFECT[effect]).any(axis=1))
