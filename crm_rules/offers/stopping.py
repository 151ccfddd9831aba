"""Stop switches among the offer rules: what a person stopped is offered to nobody, whatever else holds."""

import numpy as np

from crm_rules.offers.columns import Customers, Products
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, rule

OWN = "bank policy"


@rule(code="STOP-01", law=OWN, effect=Effect.BLOCK, zh="本行已暂停该产品。")
def the_product_is_stopped(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The bank has stopped the product."""
    return np.broadcast_to(products.stopped, (len(customers), len(products)))


@rule(code="STOP-02", law=OWN, effect=Effect.BLOCK, zh="本行已暂停主动推荐该产品。")
def its_offering_is_stopped(customers: Customers, products: Products, policy: Policy) -> Mask:
    """The bank has stopped offering the product."""
    return np.broadcast_to(products.not_offered, (len(customers), len(products)))


STOPPING = (the_product_is_stopped, its_offering_is_stopped)
