"""Targeting: which segments an offer is for, and which it is kept from.

A segment is named by its id, learned (S1, S2, ...) or by rule (segments.toml); a product by its id
or by its family.
"""

from collections.abc import Collection, Mapping

import numpy as np

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.columns import Customers, Products
from crm_rules.offers.limits import Targeting
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, rule
from crm_rules.vocabulary import FAMILIES

OWN = "bank policy"


@rule(code="TARG-01", law=OWN, effect=Effect.BLOCK, zh="本行政策仅向其他客群提供该产品。")
def for_other_segments_only(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The policy offers the product to other segments only."""
    blocked = np.zeros((len(customers), len(products)), np.bool_)
    for name, segments in policy.targeting.only_for.items():
        blocked |= ~customers.in_any(segments)[:, None] & _named(name, products)
    return blocked


@rule(code="TARG-02", law=OWN, effect=Effect.BLOCK, zh="本行政策不向客户所在或可能所在的客群提供该产品。")
def kept_from_the_segment(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The policy keeps the product from a segment the customer is in, or may be in."""
    blocked = np.zeros((len(customers), len(products)), np.bool_)
    for name, segments in policy.targeting.kept_from.items():
        unknown = any(segment not in customers.segments for segment in segments)  # its model is stopped
        blocked |= (customers.in_any(segments) | unknown)[:, None] & _named(name, products)
    return blocked


TARGETING = (for_other_segments_only, kept_from_the_segment)


def check_targeting(policy: Targeting, segments: Collection[str], products: Products) -> None:
    """InvalidPolicy when the policy names a segment, or a product or family, that does not exist."""
    shelf = {*FAMILIES, *products.product_id}
    for key, table in _tables(policy).items():
        for name, named in table.items():
            if name not in shelf:
                raise InvalidPolicy(f"targeting.{key}.{name}", "is neither a product on sale nor a family")
            for segment in named:
                if segment not in segments:
                    raise InvalidPolicy(
                        f"targeting.{key}.{name}",
                        f"names segment '{segment}', which is none of {sorted(segments)}",
                    )


def _tables(policy: Targeting) -> dict[str, Mapping[str, tuple[str, ...]]]:
    return {"only_for": policy.only_for, "kept_from": policy.kept_from}


def _named(name: str, products: Products) -> Mask:
    """(P,): the products of that id or family."""
    ids = np.array(products.product_id, dtype=np.str_)
    return np.asarray((ids == name) | (products.family == name), np.bool_)
