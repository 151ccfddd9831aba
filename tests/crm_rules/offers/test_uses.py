"""Answers to offers: kept once, counted for customer and everybody, the last one never taken twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from crm_rules.database import Database
from crm_rules.errors import AnsweredOtherwise, UsedUp
from crm_rules.offers.catalogue import Offer, Text
from crm_rules.offers.uses import Counted, OfferUses, Said

PLAIN = Offer("o", "grow", "g", Text("o", "o"), "p")
YES = Said("d1", "o", "ann", "accepted", "2026-03-01T00:00:00+00:00")


def by(decision: str, customer: str = "ann") -> Said:
    return replace(YES, decision_id=decision, customer_id=customer)


def test_an_answer_counts_once_however_often_it_is_said(database: Database) -> None:
    uses = OfferUses(database)
    assert [uses.say(YES, PLAIN) for _ in range(3)] == [True, False, False]
    assert uses.counted(["ann", "ben"]) == Counted({"ann": {"o": 1}}, {"o": 1})


def test_declined_and_ignored_offers_use_up_nothing(database: Database) -> None:
    uses = OfferUses(database)
    uses.say(replace(YES, answer="declined"), PLAIN)
    uses.say(replace(YES, decision_id="d2", answer="ignored"), PLAIN)
    assert uses.counted(["ann"]) == Counted({}, {})


def test_who_said_one_thing_does_not_say_another_later(database: Database) -> None:
    uses = OfferUses(database)
    uses.say(replace(YES, answer="declined"), PLAIN)
    with pytest.raises(AnsweredOtherwise, match="'declined' before"):
        uses.say(YES, PLAIN)
    assert uses.counted(["ann"]).everybodys == {}


@pytest.mark.parametrize(
    ("limits", "before", "why"),
    [
        pytest.param({"cap_per_customer": 1}, ["ann"], "one customer may", id="own-cap"),
        pytest.param({"cap": 2}, ["ben", "cat"], "as often as it may be", id="cap"),
        pytest.param({"budget": 25.0, "cost": 10.0}, ["ben", "cat"], "budget is spent", id="budget"),
        pytest.param({"cap": 0}, [], "as often", id="never"),
    ],
)
def test_nothing_is_taken_of_which_nothing_is_left(
    database: Database, limits: dict[str, Any], before: list[str], why: str
) -> None:
    uses, offer = OfferUses(database), replace(PLAIN, **limits)
    for number, customer in enumerate(before):
        assert uses.say(by(f"b{number}", customer), offer)
    found = uses.counted(["ann"])
    with pytest.raises(UsedUp, match=why):
        uses.say(YES, offer)
    assert uses.counted(["ann"]) == found
    assert uses.say(replace(YES, answer="declined"), offer)


def test_an_offer_that_is_gone_is_declined_and_not_accepted(database: Database) -> None:
    uses = OfferUses(database)
    with pytest.raises(UsedUp, match="no such offer"):
        uses.say(YES, None)
    assert uses.say(replace(YES, answer="declined"), None)


def test_many_at_once_never_share_the_last_one(database: Database) -> None:
    uses, offer = OfferUses(database), replace(PLAIN, cap=5)

    def take(number: int) -> bool:
        try:
            return uses.say(by(f"d{number}", f"c{number}"), offer)
        except UsedUp:
            return False

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(40)))
    assert sum(taken) == 5
    assert uses.counted([]).everybodys == {"o": 5}


def test_many_customers_are_counted_in_one_go(database: Database) -> None:
    uses = OfferUses(database)
    for number in range(3):
        uses.say(by(f"d{number}", f"c{number * 700}"), PLAIN)
    found = uses.counted([f"c{number}" for number in range(1_500)])
    assert found.mine == {"c0": {"o": 1}, "c700": {"o": 1}, "c1400": {"o": 1}}
