"""Contact: no offer without a channel the customer agreed to, none at night, none amid complaints."""

from functools import lru_cache

import numpy as np

from crm_rules.contact.hours import within
from crm_rules.offers.customers import NO_CHANNEL, Customers
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, Stage, rule
from crm_rules.vocabulary import CONTEXTS, MARKETING_CHANNELS

NEEDS_CONSENT = np.array(
    [MARKETING_CHANNELS.index(name) if name in MARKETING_CHANNELS else -1 for name in CONTEXTS] + [-1]
)
"""For the channel of a conversation the place of its consent, -1 where none is needed."""


def open_channels(customers: Customers, policy: Policy) -> Mask:
    """Which of MARKETING_CHANNELS are used and the customer agreed to: (n, channels); never asked is no."""
    return np.asarray((customers.consents == 1) & _used(policy.consent.marketing_channels))


@lru_cache(maxsize=64)
def _used(channels: tuple[str, ...]) -> Mask:
    """Which of MARKETING_CHANNELS a policy uses, (channels,)."""
    return np.array([name in channels for name in MARKETING_CHANNELS], np.bool_)


def quiet_now(customers: Customers, channel: str, policy: Policy) -> Mask:
    """For whom that channel is quiet at this moment, (n,); a channel without hours never is."""
    hours = policy.contact.hours.get(channel)
    if hours is None:
        return np.zeros(len(customers), np.bool_)
    closed: Mask = ~within(hours, customers.local.minute, customers.local.known)
    return closed


@rule(
    code="CONS-01",
    law="PIPL Art 24; GDPR Art 21(2)",
    effect=Effect.BLOCK,
    zh="客户未同意在任何渠道接收营销信息。",
    stage=Stage.CONTACT,
)
def no_consent_to_marketing(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The customer has agreed to marketing on no channel."""
    agreed = np.asarray(open_channels(customers, policy).any(axis=1))
    return ~agreed[:, None]


@rule(
    code="CONS-03",
    law="PIPL Art 24; GDPR Art 21(2)",
    effect=Effect.BLOCK,
    zh="客户未同意在当前渠道接收营销信息。",
    stage=Stage.CONTACT,
)
def no_consent_on_this_channel(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The customer has not agreed to marketing on the channel of this conversation."""
    place = NEEDS_CONSENT[customers.channel]
    agreed = open_channels(customers, policy)[np.arange(len(customers)), place]
    closed: Mask = (place >= 0) & ~agreed
    return closed[:, None]


@rule(
    code="CONT-01",
    law="bank policy",
    effect=Effect.BLOCK,
    zh="客户一年内多次投诉：先处理投诉，再谈推荐。",
    stage=Stage.CONTACT,
)
def quiet_after_complaints(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The customer complained often within a year: first the complaints, then offers."""
    return (customers.complaints_365d >= policy.contact.quiet_from_complaints_365d)[:, None]


@rule(
    code="CONT-02",
    law="PRC practice: no marketing 22:00-08:00; 47 CFR 64.1200(c)(1)",
    effect=Effect.BLOCK,
    zh="在客户所在地，此时段不通过该渠道推荐产品。",
    stage=Stage.CONTACT,
)
def quiet_hours(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """Where the customer is, this channel keeps quiet at this hour, or it is not known where they are."""
    closed = np.zeros(len(customers), np.bool_)
    for place in set(customers.channel.tolist()) - {NO_CHANNEL}:
        if CONTEXTS[place] in policy.contact.hours:
            here = customers.channel == place
            closed |= here & quiet_now(customers, CONTEXTS[place], policy)
    return closed[:, None]


CONTACTING = (no_consent_to_marketing, no_consent_on_this_channel, quiet_after_complaints, quiet_hours)
