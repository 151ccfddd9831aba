"""The rules of conduct: each holds where the bank may have treated a customer wrongly.

They look back at what was said and sold, so what counts is what the bank knew at that moment. A rule is only
asked about the contacts it is about; the funnel keeps an offer that passed it from ever holding here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crm_rules.compliance.contacts import Contacts, Rerated
from crm_rules.contact.hours import within
from crm_rules.policy import Policy
from crm_rules.rules import Effect, F64Array, Mask, Rule, Stage, rule
from crm_rules.vocabulary import CHANNELS

LOWEST, HIGHEST = 1.0, 5.0


@dataclass(frozen=True)
class Check:
    """A rule of conduct, and which contacts it is about."""

    rule: Rule[[Contacts, Policy]]
    about: Callable[[Contacts, Policy], Mask]


@rule(
    code="CDT-01",
    law="PIPL Art 24(2); GDPR Art 21(2)-(3); MIIT Order 31-2015",
    effect=Effect.ALERT,
    zh="联系客户推销时，客户未同意通过该渠道接收营销信息。",
    stage=Stage.CONDUCT,
    needs=("channel",),
)
def contacted_without_consent(contacts: Contacts, policy: Policy) -> Mask:
    """Something was offered on a channel for which no consent was in force."""
    asks = _on(contacts, policy.consent.marketing_channels)
    elsewhere = contacts.consent_anywhere == 1
    allowed = (contacts.consent_here == 1) | (np.isnan(contacts.consent_here) & ~asks & elsewhere)
    return np.asarray(~allowed)


@rule(
    code="CDT-02",
    law="PIPL Art 24(2); PRC practice: no marketing 22:00-08:00; 47 CFR 64.1200(c)(1)",
    effect=Effect.ALERT,
    zh="联系客户推销时，客户当地时间不在该渠道的允许时段内，或客户所在时区不明。",
    stage=Stage.CONDUCT,
    needs=("channel",),
)
def contacted_outside_the_hours(contacts: Contacts, policy: Policy) -> Mask:
    """Something was offered outside the channel's hours where the customer is, or it is not known where."""
    outside = np.zeros(len(contacts), np.bool_)
    for channel, hours in policy.contact.hours.items():
        open_now = within(hours, contacts.minute, contacts.zone_known)
        outside |= _on(contacts, (channel,)) & ~open_now
    return outside


@rule(
    code="CDT-03",
    law="NFRA Order 2025-7",
    effect=Effect.ALERT,
    zh="向客户推荐或销售了风险高于其当时评定等级的产品，或当时没有有效的风险评估。",
    stage=Stage.CONDUCT,
    needs=("product_risk",),
)
def unsuitable_product_offered_or_sold(contacts: Contacts, policy: Policy) -> Mask:
    """A product was offered or sold that was riskier than the customer might hold, or without assessment."""
    age, risk = contacts.since_assessment, contacts.product_risk
    in_force = (age >= 0) & (age <= policy.suitability.assessment_valid_days) & _rated(contacts.risk_level)
    needed = risk >= policy.suitability.assessment_needed_from_risk
    return np.asarray((risk > _may_hold(contacts.risk_level)) | (needed & ~in_force))


@rule(
    code="CDT-04",
    law="PIPL Art 24(2); GDPR Art 21(3); MIIT Order 31-2015",
    effect=Effect.ALERT,
    zh="客户拒绝后，在规定天数内又就同一事项受到推销。",
    stage=Stage.CONDUCT,
)
def asked_again_after_refusing(contacts: Contacts, policy: Policy) -> Mask:
    """The customer had refused the same a few days before; how many days are kept quiet is the policy's."""
    since = contacts.since_refusal
    return np.asarray((since >= 0) & (since <= policy.conduct.quiet_after_refusal_days))


@rule(
    code="CDT-05",
    law="NFRA Order 2025-7",
    effect=Effect.ALERT,
    zh="产品风险等级上调后，客户持有的产品高于其评定等级，须告知客户。",
    stage=Stage.CONDUCT,
    needs=("risk_now",),
)
def holding_became_too_risky(rerated: Rerated, policy: Policy) -> Mask:
    """Its product was rated up, above what its holder may hold: the customer has to be told."""
    may_hold = _may_hold(rerated.risk_level)
    return np.asarray((rerated.risk_now > may_hold) & (rerated.risk_before <= may_hold))


def offers_something(contacts: Contacts, policy: Policy) -> Mask:
    """Every talk or offer that offered something."""
    return contacts.offers


def has_hours(contacts: Contacts, policy: Policy) -> Mask:
    """Those of them on a channel with hours, or on one nobody wrote down."""
    timed = _on(contacts, tuple(policy.contact.hours)) | np.isnan(contacts.channel)
    return contacts.offers & timed


def is_about_a_product(contacts: Contacts, policy: Policy) -> Mask:
    """Every contact that was about a product or a family of them, sales among them."""
    return contacts.about_product


CHECKS = (
    Check(contacted_without_consent, offers_something),
    Check(contacted_outside_the_hours, has_hours),
    Check(unsuitable_product_offered_or_sold, is_about_a_product),
    Check(asked_again_after_refusing, offers_something),
)
CONDUCT_RULES: tuple[Rule[...], ...] = (*(check.rule for check in CHECKS), holding_became_too_risky)


def _on(contacts: Contacts, channels: tuple[str, ...]) -> Mask:
    return np.isin(contacts.channel, [CHANNELS.index(name) for name in channels])


def _rated(level: F64Array) -> Mask:
    return (level >= LOWEST) & (level <= HIGHEST)


def _may_hold(level: F64Array) -> F64Array:
    """The risk somebody may hold: their level; who was never assessed may hold the lowest."""
    return np.where(_rated(level), level, LOWEST)
