"""The catalogue is read strictly: what is missing, mistyped or contradictory is named."""

from pathlib import Path

import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import SHIPPED, Catalogue
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.policy import Policy
from feature_repo.raw.generate.shelf import SHELF

ONE = """
version = "1"
[[offers]]
offer_id = "a"
issue = "grow"
group = "deposit"
product_id = "D"
title = { en = "A", zh = "甲" }
"""
TWO = ONE + ONE.split('version = "1"\n')[1].replace('"a"', '"b"')
WRONG = [
    ("unknown-key", ONE + "magic = 1", "offers.1.magic"),
    ("missing-key", ONE.replace('issue = "grow"', ""), "offers.1.issue"),
    ("mistyped", ONE + 'budget = "much"', "offers.1.budget"),
    ("date-as-text", ONE + 'valid_from = "2026-01-01"', "offers.1.valid_from"),
    ("a-moment-for-a-day", ONE + "valid_from = 2026-01-01T00:00:00Z", "offers.1.valid_from"),
    ("flag-as-number", ONE + "mandatory = 1", "offers.1.mandatory"),
    ("unknown-issue", ONE.replace("grow", "win"), "offers.1.issue"),
    ("unknown-channel", ONE + 'preferred_channels = ["fax"]', "preferred_channels"),
    ("unknown-treatment", ONE + 'treatments.fax = { en = "x", zh = "y" }', "treatments.fax"),
    ("ends-before-it-begins", ONE + "valid_from = 2026-02-02\nvalid_to = 2026-02-01", "offers.a.valid_to"),
    ("budget-without-cost", ONE + "budget = 10.0", "offers.a.cost"),
    ("half-a-start", ONE + "starting_propensity = 0.1", "offers.a"),
    ("no-product-no-start", ONE.replace('product_id = "D"', "value = 1.0"), "offers.a"),
    ("twice", TWO.replace('"b"', '"a"'), "offers.a"),
    ("overrides-nobody", ONE + 'overrides = ["z"]', "offers.a.overrides"),
    ("overrides-itself", ONE + 'overrides = ["a"]', "a > a"),
    ("a-circle", (TWO + 'overrides = ["a"]').replace('"甲" }\n', '"甲" }\noverrides = ["b"]\n', 1), "circle"),
    ("no-title", ONE.replace('title = { en = "A", zh = "甲" }', 'title = { en = "A" }'), "title.zh"),
    ("infinite", ONE + "value = inf", "offers.1.value"),
    ("id-of-two-lines", ONE.replace('"a"', r'"a\nforged"'), "offers.1.offer_id"),
    ("id-with-a-space", ONE.replace('"a"', '"a b"'), "offers.1.offer_id"),
    ("id-that-turns-around", ONE.replace('"a"', r'"a\u202eb"'), "offers.1.offer_id"),
    ("id-nobody-can-send", ONE.replace('"a"', f'"{"a" * 65}"'), "offers.1.offer_id"),
    ("cap-beyond-64-bits", ONE + f"cap = {'9' * 400}", "Policy file"),
    ("not-a-list", 'version = "1"\noffers = 3', "offers"),
]


@pytest.mark.parametrize(("text", "said"), [pytest.param(t, s, id=i) for i, t, s in WRONG])
def test_a_wrong_catalogue_is_refused_and_the_place_named(text: str, said: str) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        Catalogue.parse(text.encode())
    assert said in str(raised.value)


def test_a_long_chain_of_overrides_is_no_circle() -> None:
    body = ONE.split('version = "1"\n')[1]
    chain = "".join(
        body.replace('"a"', f'"o{i}"') + (f'overrides = ["o{i + 1}"]\n' if i < 2_999 else "")
        for i in range(3_000)
    )
    assert len(Catalogue.parse(('version = "1"\n' + chain).encode()).offers) == 3_000


@pytest.mark.parametrize(("name", "refused"), [("D", False), ("E", True), ("W", True)])
def test_no_offer_has_the_id_of_another_product(policy: Policy, name: str, refused: bool) -> None:
    entries = [{"product_id": each, "family": "deposit", "value": 9.0} for each in "DE"]
    catalogue = Catalogue.parse(ONE.replace('"a"', f'"{name}"').encode())
    products = Products.from_catalogue(entries, withdrawn=["W"])
    if not refused:
        assert Offers.of(catalogue, products, policy).offer_id == ("D", "E")
        return
    with pytest.raises(InvalidPolicy, match=f"offers.{name}.offer_id' is the id of another product"):
        Offers.of(catalogue, products, policy)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy, match=r"none\.toml cannot be read"):
        Catalogue.load(tmp_path / "none.toml")


def test_the_shipped_offers_are_of_products_the_generated_bank_sells() -> None:
    shelf = {product.product_id for product in SHELF}
    offers = Catalogue.load(SHIPPED).offers
    assert {each.product_id for each in offers if each.product_id} <= shelf
    assert {each.issue for each in offers} == {"grow", "keep", "serve"}


def test_a_product_without_an_offer_of_its_own_is_offered_plainly(policy: Policy) -> None:
    entries = [{"product_id": name, "family": "deposit", "value": 9.0} for name in ("D", "E")]
    offers = Offers.of(Catalogue.parse(ONE.encode()), Products.from_catalogue(entries), policy)
    assert [(each.offer_id, each.product_id) for each in offers.entries] == [("E", "E"), ("a", "D")]
    assert offers.value.tolist() == [9.0, 9.0]
    assert offers.lever.tolist() == [1.0, 1.0]
