from collections.abc import Callable
from itertools import product as combinations

import numpy as np
import pytest

from crm_rules.offers import contacting
from crm_rules.offers.customers import Customers
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy

Make = Callable[..., Customers]
MakeOffers = Callable[..., Offers]
STATES = (1.0, 0.0, float("nan"))


def test_marketing_needs_one_channel_agreed_to(customers: Make, offers: MakeOffers, policy: Policy) -> None:
    cases = np.array(list(combinations(STATES, STATES, STATES)))
    crowd = customers(
        len(cases), consent_email=cases[:, 0], consent_phone=cases[:, 1], consent_app=cases[:, 2]
    )
    blocked = contacting.no_consent_to_marketing.mask(crowd, offers({}), policy)[:, 0]
    assert blocked.tolist() == [1.0 not in case for case in cases.tolist()]


@pytest.mark.parametrize("channel", ["email", "phone", "app"])
@pytest.mark.parametrize(("state", "blocked"), [(1.0, False), (0.0, True), (float("nan"), True), (0.5, True)])
def test_a_conversation_carries_offers_where_the_customer_agreed_to_that_channel(
    customers: Make, offers: MakeOffers, policy: Policy, channel: str, state: float, blocked: bool
) -> None:
    somebody = customers(channel=channel, **{f"consent_{channel}": state})
    assert contacting.no_consent_on_this_channel.mask(somebody, offers({}), policy).tolist() == [[blocked]]


@pytest.mark.parametrize("channel", ["branch", "chat", None])
def test_where_the_customer_came_to_the_bank_no_consent_to_that_channel_is_needed(
    customers: Make, offers: MakeOffers, policy: Policy, channel: str | None
) -> None:
    nobody = customers(channel=channel, consent_email=0, consent_phone=0, consent_app=0)
    assert not contacting.no_consent_on_this_channel.mask(nobody, offers({}), policy).any()


@pytest.mark.parametrize(("complaints", "quiet"), [(2, False), (3, True), (float("nan"), False)])
def test_the_bank_keeps_quiet_after_complaints(
    customers: Make, offers: MakeOffers, policy: Policy, complaints: float, quiet: bool
) -> None:
    mask = contacting.quiet_after_complaints.mask(customers(complaints_365d=complaints), offers({}), policy)
    assert mask.tolist() == [[quiet]]


@pytest.mark.parametrize(
    ("channel", "minute", "quiet"),
    [
        pytest.param("phone", 9 * 60 - 1, True, id="08:59"),
        pytest.param("phone", 9 * 60, False, id="09:00"),
        pytest.param("phone", 20 * 60 - 1, False, id="19:59"),
        pytest.param("phone", 20 * 60, True, id="20:00"),
        pytest.param("email", 20 * 60, False, id="e-mail-later"),
        pytest.param("app", 3 * 60, False, id="the-app-is-opened-by-the-customer"),
        pytest.param(None, 3 * 60, False, id="no-conversation-yet"),
    ],
)
def test_each_channel_keeps_its_hours_where_the_customer_is(
    customers: Make, offers: MakeOffers, policy: Policy, channel: str | None, minute: int, quiet: bool
) -> None:
    somebody = customers(channel=channel, minute=minute)
    assert contacting.quiet_hours.mask(somebody, offers({}), policy).tolist() == [[quiet]]


def test_an_unknown_time_zone_is_always_outside_the_hours(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    somewhere = customers(channel="phone", zone_known=0.0)
    assert contacting.quiet_hours.mask(somewhere, offers({}), policy).tolist() == [[True]]


def test_open_channels_are_told_one_by_one(customers: Make, policy: Policy) -> None:
    somebody = customers(consent_email=0, consent_phone=1, consent_app=np.nan)
    assert contacting.open_channels(somebody, policy).tolist() == [[False, True, False]]
