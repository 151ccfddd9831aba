"""Consent and contact: no offer without a channel the customer agreed to, none by a profile they refused."""

import numpy as np

from crm_rules.offers.columns import Customers, Products
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, rule


def open_channels(customers: Customers, policy: Policy) -> Mask:
    """Which of `policy.consent.marketing_channels` is open to whom: (n, channels); never asked is closed."""
    given = np.zeros((len(customers), len(policy.consent.marketing_channels)), np.bool_)
    for position, channel in enumerate(policy.consent.marketing_channels):
        given[:, position] = customers.consent(channel) == 1
    return given


def _whole_row(closed: Mask, products: Products) -> Mask:
    return np.broadcast_to(closed[:, None], (len(closed), len(products)))


@rule(
    code="CONS-01",
    law="PIPL Art 24; GDPR Art 21(2)",
    effect=Effect.BLOCK,
    zh="客户未同意在任何渠道接收营销信息。",
)
def no_consent_to_marketing(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The customer has agreed to marketing on no channel."""
    return _whole_row(np.asarray(~open_channels(customers, policy).any(axis=1)), products)


@rule(
    code="CONS-02",
    law="PIPL Art 24; GDPR Art 21(2)",
    effect=Effect.BLOCK,
    zh="客户未同意根据个人画像选择产品推荐。",
)
def no_consent_to_profiling(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The customer has not agreed to offers chosen by a personal profile."""
    return _whole_row(~(customers.consent_profiling == 1), products)


@rule(code="CONT-01", law="bank policy", effect=Effect.BLOCK, zh="客户一年内多次投诉：先处理投诉，再谈推荐。")
def quiet_after_complaints(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The customer complained often within a year: first the complaints, then offers."""
    return _whole_row(customers.complaints_365d >= policy.contact.quiet_from_complaints_365d, products)


CONSENT = (no_consent_to_marketing, no_consent_to_profiling, quiet_after_complaints)
