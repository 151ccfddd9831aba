from collections.abc import Callable
from itertools import product as combinations

import numpy as np
import pytest

from crm_rules.offers import consent
from crm_rules.offers.columns import Customers, Products
from crm_rules.policy import Policy

Make = Callable[..., Customers]
MakeProducts = Callable[..., Products]
STATES = (1.0, 0.0, float("nan"))


def test_marketing_needs_one_channel_agreed_to(
    customers: Make, products: MakeProducts, policy: Policy
) -> None:
    cases = np.array(list(combinations(STATES, STATES, STATES)))
    crowd = customers(
        len(cases), consent_email=cases[:, 0], consent_phone=cases[:, 1], consent_app=cases[:, 2]
    )
    blocked = consent.no_consent_to_marketing.mask(crowd, products({}), policy)[:, 0]
    assert blocked.tolist() == [1.0 not in case for case in cases.tolist()]


@pytest.mark.parametrize(("state", "blocked"), [(1.0, False), (0.0, True), (float("nan"), True), (0.5, True)])
def test_only_a_given_consent_allows_profiling(
    customers: Make, products: MakeProducts, policy: Policy, state: float, blocked: bool
) -> None:
    mask = consent.no_consent_to_profiling.mask(customers(consent_profiling=state), products({}, {}), policy)
    assert mask.tolist() == [[blocked, blocked]]


@pytest.mark.parametrize(("complaints", "quiet"), [(2, False), (3, True), (float("nan"), False)])
def test_the_bank_keeps_quiet_after_complaints(
    customers: Make, products: MakeProducts, policy: Policy, complaints: float, quiet: bool
) -> None:
    mask = consent.quiet_after_complaints.mask(customers(complaints_365d=complaints), products({}), policy)
    assert mask.tolist() == [[quiet]]


def test_open_channels_are_told_one_by_one(customers: Make, policy: Policy) -> None:
    somebody = customers(consent_email=0, consent_phone=1, consent_app=np.nan)
    assert consent.open_channels(somebody, policy).tolist() == [[False, True, False]]
