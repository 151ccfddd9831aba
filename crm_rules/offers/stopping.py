"""Stop switches among the offer rules: what a person stopped is offered to nobody, whatever else holds."""

from crm_rules.offers.customers import Customers
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy
from crm_rules.rules import Effect, Mask, Stage, rule

OWN = "bank policy"


@rule(code="STOP-01", law=OWN, effect=Effect.BLOCK, zh="本行已暂停该产品。", stage=Stage.ELIGIBILITY)
def the_product_is_stopped(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The bank has stopped the product."""
    return offers.stopped[None]


@rule(code="STOP-02", law=OWN, effect=Effect.BLOCK, zh="本行已暂停主动推荐该产品。", stage=Stage.ELIGIBILITY)
def its_offering_is_stopped(customers: Customers, offers: Offers, policy: Policy) -> Mask:
    """The bank has stopped offering the product."""
    return offers.not_offered[None]


STOPPING = (the_product_is_stopped, its_offering_is_stopped)
