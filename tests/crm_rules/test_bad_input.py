"""What no shelf, catalogue, policy or customer should hold: refused by name, or decided and closed."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import MOST_OFFERS, Catalogue
from crm_rules.offers.products import Products
from crm_rules.policy import Policy
from tests.reference import running
from tests.reference.cases import ODD
from tests.reference.comparing import differences
from tests.reference.policies import toml
from tests.reference.product import Shelf, answers
from tests.reference.reference import decide
from tests.reference.shapes import Offer, Product, World
from tests.reference.stories import NOON, OFFER, PRODUCT, codes, decided, of_product, shelf, somebody

COLUMNS = (
    "age_years", "risk_level", "risk_assessment_age_days", "is_company", "income_monthly", "days_past_due",
    "complaints_365d", "consent_profiling", "churn",
)  # fmt: skip
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("column", [*COLUMNS, "all"])
def test_a_column_that_holds_nonsense_is_decided_as_its_meaning_says(column: str):
    world = shelf(OFFER, replace(OFFER, offer_id="keep", issue="keep"), **of_product(risk=3.0))
    people = [
        somebody(**dict.fromkeys(COLUMNS if column == "all" else [column], odd), channel=channel)
        for odd in ODD
        for channel in (None, "email")
    ]
    for person, found in zip(people, answers(Shelf.of(world), people), strict=True):
        assert differences(decide(world, person), found) == []


@pytest.mark.parametrize("odd", [NAN, INF, -INF, -1.0, 2.0, 1e308])
def test_a_consent_that_is_not_one_is_none(odd: float):
    nowhere = dict.fromkeys(("email", "phone", "app"), odd)
    assert codes(shelf(), somebody(consent=nowhere, channel="app")) == ("CONS-01", "CONS-03")


@pytest.mark.parametrize("chance", [NAN, INF, -INF])
def test_a_chance_that_is_no_number_leaves_the_offer_without_a_priority(chance: float):
    assert codes(shelf(), somebody(chances={"P": chance})) == ("NEED-00",)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"risk": NAN}, ("SUIT-01",), id="a-risk-nobody-knows"),
        pytest.param({"risk": 0.0}, ("SUIT-01",), id="a-risk-below-all"),
        pytest.param({"risk": 6.0}, ("SUIT-01",), id="a-risk-above-all"),
        pytest.param({"risk": INF}, ("SUIT-01",), id="an-infinite-risk"),
        pytest.param({"minimum": INF}, ("ELIG-03",), id="a-minimum-nobody-has"),
        pytest.param({"value": INF}, ("NEED-00",), id="an-infinite-value"),
        pytest.param({"value": NAN}, ("NEED-00",), id="a-value-nobody-knows"),
        pytest.param({"value": 1e308}, (), id="a-huge-value"),
        pytest.param({"tier": "a tier of no programme"}, ("ELIG-06",), id="a-tier-nobody-reaches"),
        pytest.param({"withdrawn": True}, ("ELIG-02",), id="no-longer-sold"),
    ],
)
def test_a_product_with_senseless_facts_is_not_offered(facts: dict[str, float], expected: tuple[str, ...]):
    assert codes(shelf(**of_product(**facts)), somebody(income_monthly=1e9)) == expected


def test_a_product_worth_less_than_nothing_is_not_offered():
    world = World(shelf().policy, [replace(PRODUCT, value=-5.0), Product("Q", "savings")], [])
    found = decided(world, somebody(chances={"P": 0.5, "Q": 0.5}))
    assert found.removed == {"P": ("NEED-00",), "Q": ()}


@pytest.mark.parametrize(
    ("world", "left"),
    [
        pytest.param(World(shelf().policy, [], []), (), id="no-products-and-no-offers"),
        pytest.param(World(shelf().policy, [PRODUCT], []), ("P",), id="no-offers"),
        pytest.param(World(shelf().policy, [], [OFFER]), (), id="an-offer-of-a-product-not-on-sale"),
        pytest.param(
            World(shelf().policy, [], [Offer("x", group="g", value=1.0, start=1.0, start_evidence=1)]),
            ("x",),
            id="an-offer-without-product",
        ),
    ],
)
@pytest.mark.parametrize("channel", [None, "app"])
def test_an_empty_shelf_is_decided(world: World, left: tuple[str, ...], channel: str | None):
    found = decided(world, somebody(channel=channel))
    assert (found.order, found.probability) == (left, 1.0)
    assert differences(decide(world, somebody(channel=channel)), found) == []


def test_nobody_asked_is_nobody_decided():
    assert answers(Shelf.of(shelf()), []) == []


def test_ten_thousand_offers_are_read_and_decided():
    offers = [replace(OFFER, offer_id=f"offer-{n:05}", value=float(n)) for n in range(MOST_OFFERS)]
    world = shelf(*offers)
    person = somebody()
    found = decided(world, person)
    assert found.order == tuple(f"offer-{n:05}" for n in reversed(range(MOST_OFFERS)))
    assert differences(decide(world, person), found) == []


def catalogue(*offers: dict[str, object]) -> Catalogue:
    title = {"en": "an offer", "zh": "优惠"}
    plain = {"issue": "grow", "group": "savings", "product_id": "P", "title": title}
    return Catalogue.parse(toml({"version": "1", "offers": [plain | each for each in offers]}).encode())


@pytest.mark.parametrize(
    ("offers", "named"),
    [
        pytest.param([{"offer_id": f"o{n}"} for n in range(MOST_OFFERS + 1)], "10001", id="too-many"),
        pytest.param([{"offer_id": "a"}, {"offer_id": "a"}], "offers.a", id="twice"),
        pytest.param([{"offer_id": "a", "overrides": ["a"]}], "a > a", id="over-itself"),
        pytest.param(
            [{"offer_id": a, "overrides": [b]} for a, b in ("ab", "bc", "ca")],
            "a > b > c > a",
            id="in-a-circle",
        ),
        pytest.param([{"offer_id": "a", "overrides": ["gone"]}], "'gone'", id="over-nothing"),
        pytest.param([{"offer_id": "a", "value": math.nan}], "offers.1.value", id="value-no-number"),
        pytest.param([{"offer_id": "a", "value": -0.01}], "offers.1.value", id="value-below-nothing"),
        pytest.param([{"offer_id": "a", "value": math.inf}], "offers.1.value", id="value-infinite"),
        pytest.param([{"offer_id": "a", "cap": 1.5}], "offers.1.cap", id="half-a-use"),
        pytest.param([{"offer_id": "a", "cap": True}], "offers.1.cap", id="cap-is-true"),
        pytest.param([{"offer_id": "a", "mandatory": 1}], "offers.1.mandatory", id="mandatory-is-one"),
        pytest.param([{"offer_id": "a", "colour": "red"}], "offers.1.colour", id="a-key-nobody-reads"),
        pytest.param([{"offer_id": ""}], "offers.1.offer_id", id="no-name"),
        pytest.param(
            [{"offer_id": "a", "starting_propensity": 1.1, "starting_evidence": 1}],
            "offers.1.starting_propensity",
            id="likelier-than-certain",
        ),
        pytest.param(
            [{"offer_id": "a", "valid_from": date(2026, 6, 2), "valid_to": date(2026, 6, 1)}],
            "offers.a.valid_to",
            id="over-before-it-begins",
        ),
        pytest.param(
            [{"offer_id": "a", "valid_from": datetime(2026, 6, 2, tzinfo=UTC)}],
            "offers.1.valid_from",
            id="a-moment-for-a-day",
        ),
    ],
)
def test_a_broken_catalogue_is_refused_by_name(offers: list[dict[str, object]], named: str):
    with pytest.raises(InvalidPolicy, match=named.replace(".", r"\.")):
        catalogue(*offers)


@pytest.mark.parametrize(
    ("said", "limited"),
    [({}, False), ({"budget": 10.0, "cost": 1.0}, True), ({"cap": 1}, True), ({"cap_per_customer": 1}, True)],
)
def test_uses_are_counted_where_any_limit_is_said(said: dict[str, object], limited: bool):
    [offer] = catalogue({"offer_id": "a"} | said).offers
    assert offer.limited is limited


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("benefit", {"rate": -1.0}, {"rate": 1.0}), ("benefit", {"fee": 0.0}, {"fee": 1e12}), ("cap", 0, 10**9),
     ("value", 0.0, 1e12)],
)  # fmt: skip
def test_a_number_of_an_offer_has_its_bounds_and_they_belong_to_it(said: str, least: object, most: object):
    assert len(catalogue({"offer_id": "a", said: least}, {"offer_id": "b", said: most}).offers) == 2
    for out in _outside(least, -1), _outside(most, 1):
        with pytest.raises(InvalidPolicy, match=f"offers.1.{said}"):
            catalogue({"offer_id": "a", said: out})


def _outside(bound: object, step: int) -> object:
    if isinstance(bound, dict):
        return {key: _outside(each, step) for key, each in bound.items()}
    return bound + step if isinstance(bound, int) else math.nextafter(bound, step * math.inf)  # type: ignore[operator, arg-type]


def test_what_is_only_for_a_segment_and_kept_from_it_is_for_nobody():
    world = shelf(targeting__only_for={"P": ["newcomer"]}, targeting__kept_from={"savings": ["newcomer"]})
    world = replace(world, rule_segments=("newcomer",))
    for inside in (True, False):
        found = codes(world, somebody(segments={"newcomer": inside}))
        assert found == (("TARG-02",) if inside else ("TARG-01",))


def test_what_is_kept_from_a_segment_nobody_knows_is_kept_from_everybody():
    assert codes(shelf(targeting__kept_from={"P": ["S9"]}), somebody()) == ("TARG-02",)
    assert codes(shelf(targeting__only_for={"P": ["S9"]}), somebody()) == ("TARG-01",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"arms__random_control": 0.51}, "arms.random_control", id="mostly-random"),
        pytest.param({"arms__random_control": 0.3, "arms__non_personalised": 0.3}, "arms", id="hardly-best"),
        pytest.param({"arms__exploration": NAN}, "arms.exploration", id="no-number"),
        pytest.param({"keep__likely_to_leave_from": 2.0}, "keep.likely_to_leave_from", id="never"),
        pytest.param({"calendar__zone": "Mars/Olympus"}, "calendar.zone", id="no-place"),
        pytest.param({"contact__hours__phone": {"from": "9:00", "to": "20:00"}}, "contact.hours.phone.from",
                     id="hours-in-one-digit"),
        pytest.param({"contact__hours__phone": {"from": "09:00", "to": "24:00"}}, "contact.hours.phone.to",
                     id="hour-24"),
        pytest.param({"contact__hours__phone": {"from": "09:00", "to": "09:00"}}, "contact.hours.phone",
                     id="never-open"),
        pytest.param({"contact__hours__smoke": {"from": "09:00", "to": "20:00"}}, "contact.hours.smoke",
                     id="no-channel"),
        pytest.param({"suitability__assessment_valid_days": 365.0}, "suitability.assessment_valid_days",
                     id="days-with-a-point"),
        pytest.param({"suitability__extra_care_from_risk": 6}, "suitability.extra_care_from_risk", id="R6"),
        pytest.param({"arbitration__lever__issue": {"sell": 1.0}}, "arbitration.lever.issue.sell",
                     id="no-issue"),
    ],
)  # fmt: skip
def test_a_broken_policy_is_refused_by_name(change: dict[str, object], named: str):
    with pytest.raises(InvalidPolicy, match=rf"'{named}'".replace(".", r"\.")):
        Policy.parse(toml(shelf(**change).policy).encode())


def paths(table: dict[str, object], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every key of the standard policy that is not a name of its own."""
    found = []
    for key, value in table.items():
        found.append((*path, key))
        if isinstance(value, dict):
            found += paths(value, (*path, key))
    return found


NAMED = {
    "authority", "context_percent", "grades", "hours", "kept_from", "lever", "marketing_topics", "only_for",
    "points_per_100",
}  # fmt: skip
NEEDED = [path for path in paths(dict(running.standard())) if not NAMED & set(path[:-1])]


def without(path: tuple[str, ...]) -> str:
    """The standard policy without one key."""
    rules: dict[str, object] = dict(shelf().policy)
    table = rules
    for each in path[:-1]:
        table[each] = dict(table[each])  # type: ignore[call-overload]
        table = table[each]  # type: ignore[assignment]
    del table[path[-1]]
    return toml(rules)


@pytest.mark.parametrize("path", NEEDED, ids=".".join)
def test_a_policy_without_a_key_it_needs_is_refused(path: tuple[str, ...]):
    """Every key but the entries of a table of named things."""
    with pytest.raises(InvalidPolicy, match=rf"{path[-1]}' is missing|lacks .*'{path[-1]}'"):
        Policy.parse(without(path).encode())


@pytest.mark.parametrize("customers_level", [1.0, 2.0, 3.0, 4.0])
def test_a_product_re_rated_after_the_offer_is_offered_no_more(customers_level: float):
    person = somebody(risk_level=customers_level)
    assert codes(shelf(**of_product(risk=customers_level)), person) == ()
    assert codes(shelf(**of_product(risk=customers_level + 1)), person) == ("SUIT-01",)


def test_the_rating_of_a_product_is_that_of_its_entry_and_unknown_without_one():
    entry = {"product_id": "P", "family": "fund"}
    assert np.isnan(Products.from_catalogue([entry]).risk_level).all()
    assert Products.from_catalogue([entry | {"risk_level": 4}]).risk_level.tolist() == [4.0]


def test_a_level_lowered_between_the_offer_and_the_purchase_closes_it():
    world = shelf(**of_product(risk=4.0))
    assert codes(world, somebody(risk_level=4.0)) == ()
    later = replace(somebody(risk_level=3.0), at=NOON.replace(hour=5))
    assert codes(world, later) == ("SUIT-01",)
