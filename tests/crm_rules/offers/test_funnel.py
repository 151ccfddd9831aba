"""The funnel as a whole: arms, exploration, overrides, the true probability, and one as among many."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crm_rules.offers import arms
from crm_rules.offers.catalogue import Offer, Text
from crm_rules.offers.chances import Chances, Estimates, chances
from crm_rules.offers.customers import Customers
from crm_rules.offers.funnel import Asked, Funnel, run
from crm_rules.offers.limits import Arms
from crm_rules.offers.offers import Offers
from crm_rules.policy import Policy

Make = Callable[..., Customers]
MakeOffers = Callable[..., Offers]
AT = 20_513 * 86_400_000_000
NOBODY = Arms("s", 0.0, 0.0, 0.0, 1_000)


def decided(
    customers: Customers, offers: Offers, policy: Policy, limits: Arms = NOBODY, general: float | None = None,
    personalised: bool = True,
) -> Funnel:  # fmt: skip
    n, p = len(customers), len(offers)
    chance = np.tile(np.linspace(0.9, 0.1, p), (n, 1))
    said = Chances(chance, chance[:, ::-1] if general is None else np.full((n, p), general))
    asked = Asked([f"C{row:05}" for row in range(n)], np.full(n, AT), np.full(n, personalised))
    return run(customers, offers, replace(policy, arms=limits), said, asked)


def test_the_stages_tell_how_many_offers_each_removed(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    shelf = offers({}, {"risk_level": 5}, {"family": "loan"}, {"tier_required": "gold"}, {})
    crowd = customers(offers=5, risk_level=3, days_past_due=9)
    found = decided(crowd, shelf, policy)
    assert found.removed_by_stage(0) == {
        "eligibility": 2, "applicability": 0, "suitability": 1, "contact": 0, "arbitration": 0,
    }  # fmt: skip
    assert found.order.tolist() == [[0, 4, -1, -1, -1]]
    assert found.probability.tolist() == [1.0]


def test_nothing_on_the_shelf_is_nothing_to_offer(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    found = decided(customers(2, offers=0), offers(), policy, Arms("s", 0.02, 0.01, 0.02, 9))
    assert found.order.shape == (2, 0)
    assert found.probability.tolist() == [1.0, 1.0]
    assert found.removed_by_stage(0) == dict.fromkeys(
        ("eligibility", "applicability", "suitability", "contact", "arbitration"), 0
    )


@pytest.mark.parametrize(
    ("profiling", "personalised"), [(0.0, True), (np.nan, True), (1.0, False), (0.0, False)]
)
def test_who_has_no_profile_gets_what_suits_most(
    customers: Make, offers: MakeOffers, policy: Policy, profiling: float, personalised: bool
) -> None:
    crowd = customers(offers=3, consent_profiling=profiling)
    found = decided(crowd, offers({}, {}, {}), policy, personalised=personalised)
    assert arms.NAMES[found.arm[0]] == "unprofiled"
    assert found.order.tolist() == [[2, 1, 0]]
    assert found.probability.tolist() == [1.0]
    assert not found.personal(0)


def test_the_probability_is_how_often_the_first_offer_comes_first(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    n, limits = 30_000, Arms("s", 0.2, 0.1, 0.25, 1_000)
    new = tuple(
        Offer(f"n{i}", "grow", "g", Text("n", "n"), f"p{i}", starting_propensity=0.2, starting_evidence=10)
        for i in (1, 2)
    )
    shelf = offers({}, {}, {}, {}, proposed=new)
    found = decided(customers(n, offers=4), shelf, policy, limits)
    first = found.order[:, 0]
    for place in range(4):
        told = np.unique(found.probability[first == place])
        assert len(told) == 1
        share = (first == place).mean()
        assert abs(share - told[0]) <= 4 * np.sqrt(told[0] * (1 - told[0]) / n)
    assert found.explored.any()
    assert set(first[found.explored].tolist()) == {place for place in range(4) if shelf.start[place] > 0}


def test_a_mandatory_offer_is_first_in_every_arm(customers: Make, offers: MakeOffers, policy: Policy) -> None:
    must = Offer("z", "serve", "g", Text("z", "z"), "p1", mandatory=True)
    found = decided(customers(500, offers=3), offers({}, {}, {}, proposed=(must,)), policy,
                    Arms("s", 0.3, 0.2, 0.5, 9))  # fmt: skip
    assert set(found.order[:, 0].tolist()) == {2}
    assert (found.probability == 1.0).all()


def test_an_offer_takes_the_place_of_another_only_where_it_may_be_made(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    plain = Offer("plain", "grow", "g", Text("a", "a"), "p0")
    better = Offer("better", "grow", "g", Text("b", "b"), "p0", tier="gold", overrides=("plain",))
    shelf = offers({}, proposed=(plain, better))
    found = decided(customers(2, offers=2, tier=np.array([1.0, 0.0])), shelf, policy)
    assert [shelf.offer_id[at] for at in found.order[:, 0]] == ["better", "plain"]
    assert found.screening.codes(0, 1) == ("OVER-01",)


def test_an_action_to_keep_counts_by_the_chance_to_leave(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    keep = Offer("k", "keep", "g", Text("k", "k"), value=100.0, starting_propensity=0.5, starting_evidence=9)
    shelf = offers({}, proposed=(keep,))
    said = chances(shelf, Estimates(np.array([[0.3]]), np.array([[0.1]]), np.array([0.4])))
    assert said.personal.tolist() == [[0.2, 0.3]]
    assert said.general.tolist() == [[0.5, 0.1]]


def test_without_a_recommender_everything_is_wanted_alike(offers: MakeOffers) -> None:
    said = chances(offers({}, {}), Estimates(np.array([[0.3, np.nan]]), None, np.array([np.nan])))
    assert said.general.tolist() == [[1.0, 1.0]]


def test_what_nothing_estimates_is_removed_by_name(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    asked = Asked(["C1"], np.array([AT]), np.ones(1, bool))
    said = Chances(np.array([[np.nan, 0.5]]), np.ones((1, 2)))
    found = run(customers(offers=2), offers({}, {}), replace(policy, arms=NOBODY), said, asked)
    assert found.order.tolist() == [[1, -1]]
    assert found.screening.codes(0, 0) == ("NEED-00",)


def test_a_customer_alone_is_decided_to_the_bit_as_among_many(
    customers: Make, offers: MakeOffers, policy: Policy
) -> None:
    random = np.random.default_rng(3)
    n, limits = 400, Arms("s", 0.2, 0.1, 0.3, 1_000)
    keep = Offer("k", "keep", "g", Text("k", "k"), value=9.0, starting_propensity=0.5, starting_evidence=9)
    shelf = offers(*({"risk_level": 1 + i % 5, "family": ("fund", "loan")[i % 2]} for i in range(12)),
                   proposed=(keep,))  # fmt: skip
    crowd = customers(
        n, offers=13, risk_level=random.integers(1, 6, n), leaving=random.random(n),
        age=random.integers(17, 80, n),
        consent_profiling=random.random(n) < 0.8, owned=random.random((n, 13)) < 0.2, channel="phone",
        minute=random.integers(0, 1440, n), learned={"S1": random.random(n) < 0.5},
        ruled={"behind_with_payments": random.random(n) < 0.1},
    )  # fmt: skip
    said = Chances(random.random((n, 13)), random.random((n, 13)))
    asked = Asked([f"C{row}" for row in range(n)], np.full(n, AT), random.random(n) < 0.9)
    rules = replace(policy, arms=limits)
    together = run(crowd, shelf, rules, said, asked)
    for row in range(n):
        one = slice(row, row + 1)
        alone = run(
            crowd.one(row), shelf, rules, Chances(said.personal[one], said.general[one]),
            Asked(asked.customer_ids[one], asked.at_us[one], asked.personalised[one]),
        )  # fmt: skip
        for name in ("chance", "context", "priority", "order", "arm", "explored", "probability"):
            assert getattr(alone, name).tobytes() == getattr(together, name)[one].tobytes(), name
        assert (alone.screening.removed == together.screening.removed[:, one]).all()
