import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import Offer, Text
from crm_rules.offers.customers import Customers
from crm_rules.offers.limits import Targeting
from crm_rules.offers.offers import Offers
from crm_rules.offers.screening import CODES, OFFER_RULES, screen, screen_both
from crm_rules.offers.targeting import check_targeting, for_other_channels, not_about_to_leave
from crm_rules.policy import STANDARD, Policy
from crm_rules.vocabulary import CHANNELS

Make = Callable[..., Customers]
MakeOffers = Callable[..., Offers]
LEARNED = {"S1": np.array([True, False, False])}
RULED = {"idle_money": np.array([True, True, False])}


def targeted(policy: Policy, **tables: dict[str, tuple[str, ...]]) -> Policy:
    return replace(policy, targeting=Targeting(**{"only_for": {}, "kept_from": {}} | tables))


FOR_ONE = {"only_for": {"fund": ("S1",)}}
FOR_TWO = {"only_for": {"p1": ("S1", "idle_money")}}
FROM_A_RULE = {"kept_from": {"fund": ("idle_money",)}}
FROM_A_LEARNED = {"kept_from": {"p0": ("S1",)}}


@pytest.mark.parametrize(
    ("tables", "code", "blocked"),
    [
        pytest.param(FOR_ONE, "TARG-01", [[1, 1], [2, 1]], id="a-family-for-one"),
        pytest.param(FOR_TWO, "TARG-01", [[2, 1]], id="a-product-for-two"),
        pytest.param(FROM_A_RULE, "TARG-02", [[0, 1], [1, 1]], id="kept-from-a-rule"),
        pytest.param(FROM_A_LEARNED, "TARG-02", [[0, 0]], id="kept-from-a-learned-one"),
        pytest.param({}, "TARG-01", [], id="no-condition"),
    ],
)
def test_an_offer_is_for_its_segments_and_not_for_those_it_is_kept_from(
    customers: Make, offers: MakeOffers, policy: Policy, tables: dict, code: str, blocked: list
) -> None:
    crowd, rules = customers(3, offers=2, learned=LEARNED, ruled=RULED), targeted(policy, **tables)
    screening = screen(crowd, offers({"family": "savings"}, {"family": "fund"}, under=rules), rules)
    assert np.argwhere(screening.removed[CODES.index(code)]).tolist() == blocked
    assert screening.blocked.sum() == len(blocked)


def test_nobody_is_in_a_segment_that_is_not_known(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    rules = targeted(policy, only_for={"savings": ("S9",)})
    assert screen(customers(2), offers({}, under=rules), rules).blocked.all()


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        pytest.param(
            {"only_for": {"fund": ("S9",)}}, "targeting.only_for.fund' names segment 'S9'", id="segment"
        ),
        pytest.param(
            {"kept_from": {"yacht": ("S1",)}}, "targeting.kept_from.yacht' is neither", id="product"
        ),
    ],
)
def test_a_policy_that_names_what_does_not_exist_is_refused(
    offers: MakeOffers, policy: Policy, tables: dict, said: str
) -> None:
    with pytest.raises(InvalidPolicy, match=re.escape(said)):
        check_targeting(targeted(policy, **tables).targeting, {"S1"}, offers({}))
    check_targeting(targeted(policy, only_for={"fund": ("S1",)}).targeting, {"S1"}, offers({}))


def test_the_shipped_policy_names_its_segments_once() -> None:
    targeting = Policy.load(STANDARD).targeting
    assert targeting.segments == {"behind_with_payments"}
    assert targeting.offers_of("behind_with_payments") == ["kept_from.fund"]


def test_every_offer_rule_has_its_sentence_in_chinese() -> None:
    assert [rule.code for rule in OFFER_RULES if not re.search(r"[\u4e00-\u9fff].*。$", rule.zh)] == []


@pytest.mark.parametrize(
    ("prefers", "blocked"),
    [
        pytest.param(CHANNELS.index("app"), False, id="the-channel"),
        pytest.param(CHANNELS.index("email"), False, id="another-of-them"),
        pytest.param(CHANNELS.index("phone"), True, id="none-of-them"),
        pytest.param(np.nan, True, id="unknown"),
        pytest.param(99.0, True, id="no-channel"),
    ],
)
def test_an_offer_for_some_channels_is_for_those_who_prefer_one(
    customers: Make, offers: MakeOffers, policy: Policy, prefers: float, blocked: bool
) -> None:
    chosen = Offer("o", "grow", "g", Text("o", "o"), "p0", preferred_channels=("app", "email"))
    shelf = offers({}, {}, proposed=(chosen,))
    mask = for_other_channels.mask(customers(preferred_channel=prefers, offers=2), shelf, policy)
    assert mask.tolist() == [[blocked, False]]


@pytest.mark.parametrize(("leaving", "blocked"), [(0.2, False), (0.1999, True), (1.0, False), (np.nan, True)])
def test_an_action_to_keep_is_for_customers_who_may_leave(
    customers: Make, offers: MakeOffers, policy: Policy, leaving: float, blocked: bool
) -> None:
    keep = Offer("o", "keep", "g", Text("o", "o"), value=1.0, starting_propensity=0.5, starting_evidence=9)
    mask = not_about_to_leave.mask(customers(leaving=leaving, offers=2), offers({}, proposed=(keep,)), policy)
    assert mask.tolist() == [[blocked, False]]


def test_without_a_profile_nobody_is_in_a_learned_segment(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    rules = targeted(policy, only_for={"p0": ("S1",)}, kept_from={"p1": ("S1",), "p2": ("idle_money",)})
    shelf, crowd = offers({}, {}, {}, under=rules), customers(3, offers=3, learned=LEARNED, ruled=RULED)
    with_profile, without = screen_both(crowd, shelf, rules)
    assert with_profile.any(axis=0).tolist() == [[0, 1, 1], [1, 0, 1], [1, 0, 0]]
    assert without.any(axis=0).tolist() == [[1, 1, 1], [1, 1, 1], [1, 1, 0]]
