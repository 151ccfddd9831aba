"""The thresholds of offer rules, tried on a typical customer and offer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crm_rules.offers.screening import OFFER_RULES
from crm_rules.policy import Policy
from crm_rules.rules import Mask, judge
from crm_rules.trying import typical
from crm_rules.trying.threshold import Threshold, Tried
from crm_rules.vocabulary import CONTEXTS

RISKY = {"risk_level": 5}
INCOME = typical.CUSTOMER["income_monthly"]
THRESHOLDS = (
    Threshold("suitability.assessment_needed_from_risk", "SUIT-02", "risk_level", of_offer=True,
              beside={"assessment_days": np.nan}),
    Threshold("suitability.assessment_valid_days", "SUIT-02", "assessment_days", offer=RISKY),
    Threshold("suitability.extra_care_from_age", "SUIT-03", "age", offer=RISKY),
    Threshold("suitability.extra_care_from_risk", "SUIT-03", "risk_level", of_offer=True,
              beside={"age": 120.0}),
    Threshold("eligibility.adult_from_age", "ELIG-05", "age"),
    Threshold("eligibility.arrears_from_days", "ELIG-04", "days_past_due", offer={"family": "loan"}),
    Threshold("eligibility.minimum_amount_monthly_incomes", "ELIG-03", "minimum_amount", 0.01, INCOME,
              of_offer=True),
    Threshold("contact.quiet_from_complaints_365d", "CONT-01", "complaints_365d"),
    Threshold("keep.likely_to_leave_from", "KEEP-01", "leaving", 1e-9, offer={"keeps": True}),
)  # fmt: skip
OWN = ("keeps",)  # columns of an offer that no product has


def tried(policy: Policy) -> Iterator[Tried]:
    """Every threshold of offers, and the hours of every channel a conversation may have."""
    for each in THRESHOLDS:
        yield _tried(each, _value(policy, each.key), policy)
    for channel, hours in policy.contact.hours.items():
        if channel in CONTEXTS:
            for name, minute, text in (("from", hours.opens, hours.from_), ("to", hours.closes, hours.to)):
                key = f"contact.hours.{channel}.{name}"
                threshold = Threshold(key, "CONT-02", "minute", beside={"channel": channel})
                yield replace(_tried(threshold, minute, policy), value=text)


def removed(
    customers: Sequence[Mapping[str, Any]], offer: Mapping[str, Any], policy: Policy
) -> list[tuple[str, ...]]:
    """The codes of the rules that take one offer from each of some customers."""
    asked = typical.customers(policy, customers)
    of_product = {name: value for name, value in offer.items() if name not in OWN}
    own: dict[str, Any] = {name: np.array([offer[name]], np.bool_) for name in OWN if name in offer}
    offers = replace(typical.offers(policy, of_product), **own)
    verdicts = judge(OFFER_RULES, asked, offers, policy, across=1)
    held = np.column_stack([_held(each.holds, each.unjudged, len(asked)) for each in verdicts])
    return [tuple(OFFER_RULES[at].code for at in np.flatnonzero(row).tolist()) for row in held]


def _held(holds: Mask, unjudged: Mask | None, n: int) -> Mask:
    mask = np.broadcast_to(holds, (n, 1))[:, 0]
    return mask if unjudged is None else mask | unjudged


def _tried(each: Threshold, value: float, policy: Policy) -> Tried:
    steps = [value * each.times + step * each.unit for step in (-1, 0, 1)]
    if each.of_offer:
        offers = [{**each.offer, each.column: at} for at in steps]
        codes = [removed([each.beside], offer, policy)[0] for offer in offers]
    else:
        codes = removed([{**each.beside, each.column: at} for at in steps], each.offer, policy)
    return Tried(each.key, value, each.code, each.column, tuple(zip(steps, codes, strict=True)))


def _value(policy: Policy, key: str) -> float:
    section, name = key.split(".")
    return float(getattr(getattr(policy, section), name))
