"""The thresholds that only the rules of conduct read, tried on a typical contact."""

from collections.abc import Iterator

import numpy as np

from crm_rules.compliance.conduct import CHECKS
from crm_rules.compliance.contacts import Contacts
from crm_rules.contact.limits import Hours
from crm_rules.policy import Policy
from crm_rules.rules import F64Array, judge
from crm_rules.trying.threshold import Tried
from crm_rules.vocabulary import CHANNELS, CONTEXTS

RULES = [check.rule for check in CHECKS]
NOON = 720.0


def tried(policy: Policy) -> Iterator[Tried]:
    """The days kept quiet after a refusal, and the hours of channels that no conversation here has."""
    days = policy.conduct.quiet_after_refusal_days
    yield _tried("conduct.quiet_after_refusal_days", days, "CDT-04", "since_refusal", days, "phone", policy)
    for channel, hours in policy.contact.hours.items():
        if channel not in CONTEXTS:
            for name, text, minute in _hours(hours):
                key = f"contact.hours.{channel}.{name}"
                yield _tried(key, text, "CDT-02", "minute", minute, channel, policy)


def _hours(hours: Hours) -> tuple[tuple[str, str, int], ...]:
    return ("from", hours.from_, hours.opens), ("to", hours.to, hours.closes)


def _tried(
    key: str, value: object, code: str, column: str, middle: float, channel: str, policy: Policy
) -> Tried:
    steps = middle + np.array([-1.0, 0.0, 1.0])
    verdicts = judge(RULES, _contacts(column, steps, channel), policy)
    held = np.column_stack(
        [each.holds if each.unjudged is None else each.holds | each.unjudged for each in verdicts]
    )
    codes = [tuple(RULES[at].code for at in np.flatnonzero(row).tolist()) for row in held]
    return Tried(key, value, code, column, tuple(zip(steps.tolist(), codes, strict=True)))


def _contacts(column: str, steps: F64Array, channel: str) -> Contacts:
    """Three marketing contacts at noon with somebody who agreed and never refused, but for one column."""

    def many(name: str, value: float) -> F64Array:
        return steps if name == column else np.full(3, value)

    return Contacts(
        offers=np.ones(3, np.bool_),
        about_product=np.ones(3, np.bool_),
        channel=np.full(3, float(CHANNELS.index(channel))),
        minute=many("minute", NOON).astype(np.int64),
        zone_known=np.ones(3, np.bool_),
        consent_here=np.ones(3),
        consent_anywhere=np.ones(3),
        product_risk=np.ones(3),
        risk_level=np.full(3, 5.0),
        since_assessment=np.full(3, 10.0),
        since_refusal=many("since_refusal", np.nan),
    )
