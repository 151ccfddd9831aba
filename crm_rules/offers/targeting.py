"""Applicability: which segments and channels an offer is for, and whether an action to keep makes sense.

A segment is named by its id, learned (S1, S2, ...) or by rule (segments.toml); an offer by its id, its
product's id or its family.
"""

from collections.abc import Collection, Mapping

import numpy as np

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.customers import Customers
from crm_rules.offers.limits import Targeting
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, Stage, rule
from crm_rules.vocabulary import CHANNELS, FAMILIES

OWN = "bank policy"


@rule(
    code="TARG-01",
    law=OWN,
    effect=Effect.BLOCK,
    zh="本行政策仅向其他客群提供该产品。",
    stage=Stage.APPLICABILITY,
)
def for_other_segments_only(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The policy offers the product to other segments only."""
    blocked = np.zeros((1, len(offers)), np.bool_)
    for segments, named in offers.only_for:
        blocked = blocked | (~customers.in_any(segments)[:, None] & named)
    return blocked


@rule(
    code="TARG-02",
    law=OWN,
    effect=Effect.BLOCK,
    zh="本行政策不向客户所在或可能所在的客群提供该产品。",
    stage=Stage.APPLICABILITY,
)
def kept_from_the_segment(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The policy keeps the product from a segment the customer is in, or may be in."""
    blocked = np.zeros((1, len(offers)), np.bool_)
    for segments, named in offers.kept_from:
        unknown = not customers.segments.issuperset(segments)  # its model is stopped, or a profile not used
        blocked = blocked | ((customers.in_any(segments) | unknown)[:, None] & named)
    return blocked


@rule(
    code="TARG-03",
    law=OWN,
    effect=Effect.BLOCK,
    zh="该优惠面向偏好其他渠道的客户。",
    stage=Stage.APPLICABILITY,
)
def for_other_channels(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The offer is for customers who prefer another channel, or this customer's preference is not known."""
    prefers = customers.preferred_channel
    known = (prefers >= 0) & (prefers < len(CHANNELS)) & (prefers == np.floor(prefers))
    place = np.where(known, prefers, len(CHANNELS)).astype(np.intp)
    return np.asarray(offers.chooses_channel & ~offers.prefers[place])


@rule(
    code="KEEP-01",
    law=OWN,
    effect=Effect.BLOCK,
    zh="没有迹象表明客户可能离开，无需挽留措施。",
    stage=Stage.APPLICABILITY,
)
def not_about_to_leave(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The offer is to keep customers who may leave, and nothing says that this one may."""
    staying = ~(customers.leaving >= policy.keep.likely_to_leave_from)
    blocked: Mask = staying[:, None] & offers.keeps
    return blocked


TARGETING = (for_other_segments_only, kept_from_the_segment, for_other_channels, not_about_to_leave)
PROFILED = (for_other_segments_only, kept_from_the_segment, not_about_to_leave)
"""The rules that read what was learned about a customer."""


def check_targeting(policy: Targeting, segments: Collection[str], offers: Offers) -> None:
    """InvalidPolicy when the policy names a segment, or an offer, product or family, that does not exist."""
    products = {each.product_id for each in offers.entries if each.product_id}
    shelf = {*FAMILIES, *offers.offer_id, *products}
    for key, table in _tables(policy).items():
        for name, named in table.items():
            if name not in shelf:
                raise InvalidPolicy(f"targeting.{key}.{name}", "is neither an offer, a product nor a family")
            for segment in named:
                if segment not in segments:
                    raise InvalidPolicy(
                        f"targeting.{key}.{name}",
                        f"names segment '{segment}', which is none of {sorted(segments)}",
                    )


def _tables(policy: Targeting) -> dict[str, Mapping[str, tuple[str, ...]]]:
    return {"only_for": policy.only_for, "kept_from": policy.kept_from}
