"""What a customer says to an offer, and whether a product suits them at the moment of the sale."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crm_rules.errors import DatabaseUnavailable
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.offers.uses import Counted
from feature_repo.features.services import SERVED
from feature_repo.packed_rows import PackedRows
from serving.deciding.asking import OfferRequest
from serving.deciding.scoring import Scorer
from tests.conftest import EVENT_US, Tiny, feature_row, make_scorer, stamp
from tests.serving.conftest import Bank
from training.release.assemble import assemble

LIMITED = """version = "2"
[[offers]]
offer_id = "bonus"
issue = "grow"
group = "savings"
product_id = "savings-term"
title = { en = "Term savings with a bonus", zh = "定期储蓄（含奖励）" }
value = 4000.0
cost = 10.0
budget = 20.0
cap_per_customer = 1
"""


def decided(bank: Bank, customer: str = "ann") -> dict[str, Any]:
    body = {"customer_id": customer, "top": 6}
    return bank.client.post("/v1/decisions/next-best-action", json=body, headers=bank.token()).json()


def say(bank: Bank, decision: str, offer: str, outcome: str = "accepted") -> Any:
    body = {"decision_id": decision, "offer_id": offer, "outcome": outcome}
    return bank.client.post("/v1/decisions/outcome", json=body, headers=bank.token())


def suits(bank: Bank, customer: str, product: str) -> Any:
    body = {"customer_id": customer, "product_id": product}
    return bank.client.post("/v1/decisions/suitability", json=body, headers=bank.token())


def test_what_a_customer_said_is_kept_once(bank: Bank) -> None:
    said = decided(bank)
    offer = said["offers"][0]["offer_id"]
    first, again = (say(bank, said["decision_id"], offer) for _ in range(2))
    assert (first.status_code, first.json()["recorded"]) == (200, True)
    assert (again.status_code, again.json()["recorded"]) == (200, False)
    other = say(bank, said["decision_id"], offer, "declined")
    assert (other.status_code, other.json()["type"]) == (409, "urn:bank:problem:answered-otherwise")


@pytest.mark.parametrize("offer", ["fund-growth", "nothing", "savings-day"])
def test_only_what_was_offered_is_answered(bank: Bank, offer: str) -> None:
    found = say(bank, decided(bank)["decision_id"], offer)
    assert (found.status_code, found.json()["type"]) == (404, "urn:bank:problem:not-offered")


def test_a_product_rated_anew_since_the_offer_is_not_sold(bank: Bank) -> None:
    said = decided(bank)
    offer = next(each["offer_id"] for each in said["offers"] if each["product_id"] == "savings-term")
    served = bank.desk.engine.serving.scorer
    book = served.loaded.rulebook
    risk = book.products.risk_level.copy()
    risk[book.products.product_id.index("savings-term")] = 4.0
    products: Products = replace(book.products, risk_level=risk)
    offers = Offers.of(book.catalogue, products, book.policy)
    rated = replace(served.loaded, rulebook=replace(book, products=products, offers=offers, plain=offers))
    bank.desk.engine.serving = replace(bank.desk.engine.serving, scorer=replace(served, loaded=rated))
    found = say(bank, said["decision_id"], offer)
    assert (found.status_code, found.json()["type"]) == (409, "urn:bank:problem:no-longer-possible")
    assert "SUIT-01" in found.json()["detail"]
    assert not suits(bank, "ann", "savings-term").json()["suitable"]
    assert say(bank, said["decision_id"], offer, "declined").status_code == 200


def serve(bank: Bank, offers: Offers) -> None:
    """From now on the bank has these offers."""
    served = bank.desk.engine.serving.scorer
    loaded = replace(served.loaded, rulebook=replace(served.loaded.rulebook, offers=offers))
    bank.desk.engine.serving = replace(bank.desk.engine.serving, scorer=replace(served, loaded=loaded))


@pytest.mark.parametrize("gone", [pytest.param(False, id="stopped"), pytest.param(True, id="not-sold")])
def test_said_again_after_the_offer_ended_it_stands_as_it_was(bank: Bank, gone: bool) -> None:
    said = decided(bank)
    [first, second, *_] = [each["offer_id"] for each in said["offers"]]
    assert say(bank, said["decision_id"], first).status_code == 200
    book = bank.desk.engine.serving.scorer.loaded.rulebook
    none = Offers.of(book.catalogue, Products.from_catalogue([]), book.policy)
    serve(bank, none if gone else book.offers.under([first, second], []))
    again = say(bank, said["decision_id"], first)
    assert (again.status_code, again.json().get("recorded")) == (200, False)
    assert say(bank, said["decision_id"], second).json()["type"] == "urn:bank:problem:no-longer-possible"
    assert say(bank, said["decision_id"], second, "declined").json()["recorded"]


@pytest.mark.parametrize(
    ("customer", "product", "codes"),
    [
        pytest.param("ann", "fund-money", [], id="suits"),
        pytest.param("ann", "fund-growth", ["SUIT-01"], id="too-risky"),
        pytest.param("cat", "fund-growth", ["SUIT-01", "SUIT-02"], id="unassessed"),
        pytest.param("ann", "savings-day", [], id="more-of-what-is-held"),
        pytest.param("dan", "loan-cash", ["ELIG-04"], id="credit-in-arrears"),
    ],
)
def test_a_sale_is_checked_by_the_rules_of_offers(
    bank: Bank, customer: str, product: str, codes: list[str]
) -> None:
    said = suits(bank, customer, product).json()
    assert [rule["code"] for rule in said["rules"]] == codes
    assert said["suitable"] == (not codes)
    assert json.loads(bank.log.records[said["decision_id"]].payload)["outcome"] == (
        "unsuitable" if codes else "suitable"
    )
    told = bank.client.get(f"/v1/decisions?decision_id={said['decision_id']}", headers=bank.token()).json()
    assert told["replay"] == "identical"


def test_a_product_nobody_sells_is_named(bank: Bank) -> None:
    found = suits(bank, "ann", "moon")
    assert (found.status_code, found.json()["type"]) == (404, "urn:bank:problem:unknown-product")


class Fixed:
    """Uses as a test says them."""

    def __init__(self, counted: Counted | None) -> None:
        self._counted = counted

    def counted(self, customer_ids: object) -> Counted:
        if self._counted is None:
            raise DatabaseUnavailable("here", "gone")
        return self._counted


def limited(tiny: Tiny, counted: Counted | None) -> Scorer:
    (tiny.parts["products"] / "offers.toml").write_text(LIMITED)
    release = assemble(tiny.releases, tiny.parts, tiny.origin)
    tiny.sign(release)
    scorer = make_scorer(replace(tiny, release=release))
    return replace(scorer, uses=Fixed(counted))


@pytest.mark.parametrize(
    ("counted", "codes"),
    [
        pytest.param(Counted(), None, id="never-used"),
        pytest.param(Counted({}, {"bonus": 1}), None, id="one-left"),
        pytest.param(Counted({}, {"bonus": 2}), ["OFFR-02"], id="spent"),
        pytest.param(Counted({"ann": {"bonus": 1}}, {"bonus": 1}), ["OFFR-03"], id="own-cap"),
        pytest.param(None, ["OFFR-02", "OFFR-03"], id="not-known"),
    ],
)
def test_a_limited_offer_ends_and_its_decision_replays(
    tiny: Tiny, counted: Counted | None, codes: list[str] | None
) -> None:
    scorer = limited(tiny, counted)
    [decision] = scorer.next_best_action([OfferRequest("ann", None, 6)], [stamp()])
    said = json.loads(decision.body)
    out = {each["offer_id"]: each["rules"] for each in said["ruled_out"]}
    assert out.get("bonus") == codes
    assert (
        make_scorer(replace(tiny, release=scorer.loaded.runtime.digest)).replay(decision.record.payload).same
    )


def test_who_turns_up_between_offer_and_sale_with_an_expired_assessment_is_refused(tiny: Tiny) -> None:
    scorer = make_scorer(tiny)
    asked, late = OfferRequest("ann"), replace(stamp(), at="2027-01-15T00:00:00+00:00")
    assert scorer.against(asked, "fund-money", stamp()) == []
    with PackedRows.open(tiny.online, read_only=False) as rows:
        for view, columns in SERVED.items():
            values = [[feature_row(risk_level=2.0).get(column, np.nan) for column in columns]]
            rows.write(view, columns, ["ann"], [EVENT_US + 1], np.array(values))
    assert scorer.against(asked, "fund-growth", late) == ["SUIT-01", "SUIT-02"]
    assert scorer.against(asked, "gone", stamp()) == ["ELIG-02"]
