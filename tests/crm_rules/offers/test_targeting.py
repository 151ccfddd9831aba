import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.columns import Customers, Products
from crm_rules.offers.limits import Targeting
from crm_rules.offers.screening import OFFER_RULES, screen
from crm_rules.offers.targeting import check_targeting
from crm_rules.policy import STANDARD, Policy

Make = Callable[..., Customers]
MakeProducts = Callable[..., Products]
INSIDE = {"S1": np.array([True, False, False]), "idle_money": np.array([True, True, False])}


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
    customers: Make, products: MakeProducts, policy: Policy, tables: dict, code: str, blocked: list
) -> None:
    crowd = replace(customers(3, products=2), segments=INSIDE)
    shelf = products({"family": "savings"}, {"family": "fund"})
    screening = screen(crowd, shelf, targeted(policy, **tables))
    assert np.argwhere(screening.removed[screening.codes.index(code)]).tolist() == blocked
    assert screening.blocked.sum() == len(blocked)


def test_nobody_is_in_a_segment_that_is_not_known(
    customers: Make, products: MakeProducts, policy: Policy
) -> None:
    closed = screen(customers(2, products=1), products({}), targeted(policy, only_for={"savings": ("S9",)}))
    assert closed.blocked.all()


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
    products: MakeProducts, policy: Policy, tables: dict, said: str
) -> None:
    with pytest.raises(InvalidPolicy, match=re.escape(said)):
        check_targeting(targeted(policy, **tables).targeting, {"S1"}, products({}))
    check_targeting(targeted(policy, only_for={"fund": ("S1",)}).targeting, {"S1"}, products({}))


def test_the_shipped_policy_names_its_segments_once() -> None:
    targeting = Policy.load(STANDARD).targeting
    assert targeting.segments == {"behind_with_payments"}
    assert targeting.offers_of("behind_with_payments") == ["kept_from.fund"]


def test_every_offer_rule_has_its_sentence_in_chinese() -> None:
    assert [rule.code for rule in OFFER_RULES if not re.search(r"[\u4e00-\u9fff].*。$", rule.zh)] == []
