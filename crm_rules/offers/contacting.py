"""Contact: no offer without a channel the customer agreed to, none at night, none amid complaints."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crm_rules.contact.hours import within
from crm_rules.contact.limits import Hours
from crm_rules.offers.customers import Customers, I64Array
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, Stage, rule
from crm_rules.vocabulary import CONTEXTS, MARKETING_CHANNELS
from feature_repo.identity import by_identity

NEEDS_CONSENT = np.array(
    [MARKETING_CHANNELS.index(name) if name in MARKETING_CHANNELS else -1 for name in CONTEXTS] + [-1]
)
"""For the channel of a conversation the place of its consent, -1 where none is needed."""
MARKETING_AT = np.array([CONTEXTS.index(name) for name in MARKETING_CHANNELS])
MINUTES = 24 * 60


def open_channels(customers: Customers, policy: Policy) -> Mask:
    """Which of MARKETING_CHANNELS are used and the customer agreed to: (n, channels); never asked is no."""
    return np.asarray((customers.consents == 1) & _used(policy.consent.marketing_channels))


@lru_cache(maxsize=64)
def _used(channels: tuple[str, ...]) -> Mask:
    """Which of MARKETING_CHANNELS a policy uses, (channels,)."""
    return np.array([name in channels for name in MARKETING_CHANNELS], np.bool_)


def open_now(customers: Customers, policy: Policy) -> Mask:
    """On which of MARKETING_CHANNELS a customer may be spoken to about offers now, (n, channels)."""
    here = customers.local
    quiet = _quiet(here.minute[:, None], here.known[:, None], MARKETING_AT, policy)
    return open_channels(customers, policy) & ~quiet


def _quiet(minute: I64Array, known: Mask, channel: NDArray[np.integer], policy: Policy) -> Mask:
    """Where a channel, by its place in CONTEXTS, is quiet at a minute of the day; shapes broadcast.

    No channel, and one without hours, never is; one with hours is where the zone is not known.
    """
    hours = _hours(policy.contact.hours)
    quiet: Mask = ~hours.open[minute, channel] | (hours.timed[channel] & ~known)
    return quiet


class _Opening(NamedTuple):
    """`open` (minutes of a day, contexts + 1), `timed` (contexts + 1) says who has hours; none at the end."""

    open: Mask
    timed: Mask


@by_identity
def _hours(hours: Mapping[str, Hours]) -> _Opening:
    minutes = np.arange(MINUTES)
    always = np.ones(MINUTES, np.bool_)
    each = [within(hours[name], minutes, always) if name in hours else always for name in CONTEXTS]
    timed = [name in hours for name in CONTEXTS]
    return _Opening(np.stack([*each, always], axis=1), np.array([*timed, False]))


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
    here = customers.local
    return _quiet(here.minute, here.known, customers.channel, policy)[:, None]


CONTACTING = (no_consent_to_marketing, no_consent_on_this_channel, quiet_after_complaints, quiet_hours)
