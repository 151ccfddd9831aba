"""The part of products: what is on sale, and the offers that go with it."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import SHIPPED, Catalogue
from training.gates import Gate
from training.rule_parts import products_part

AT = datetime(2026, 3, 1, tzinfo=UTC)
OFFER = """version = "9"
[[offers]]
offer_id = "bonus"
issue = "grow"
group = "deposit"
product_id = "{product}"
title = {{ en = "Bonus", zh = "奖励" }}
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """One product on sale, rated higher by the seller."""
    folder = tmp_path / "raw" / "products"
    folder.mkdir(parents=True)
    duckdb.execute(
        f"""COPY (SELECT 'DEP' AS product_id, 'deposit' AS family, 'Deposit' AS title_en, '定期' AS title_zh,
        'R2' AS risk_level, 'R4' AS seller_risk_level, CAST(0.02 AS DOUBLE) AS rate, 100 AS minimum_amount,
        9 AS value, NULL AS tier_required, NULL AS attributes, TIMESTAMPTZ '2025-01-01' AS recorded_at,
        TIMESTAMPTZ '2025-01-01' AS valid_from, NULL::TIMESTAMPTZ AS withdrawn_at)
        TO '{folder / "0.parquet"}' (FORMAT parquet)"""
    )
    return tmp_path / "raw"


def gates(found: list[Gate]) -> dict[str, bool]:
    return {gate.name: gate.passed for gate in found}


def offers(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


def test_the_shipped_offers_go_with_any_shelf(raw: Path, tmp_path: Path) -> None:
    found = gates(products_part(tmp_path / "part", raw, AT))
    assert found["offers of a product on sale"]
    assert Catalogue.load(tmp_path / "part" / "offers.toml") == Catalogue.load(SHIPPED)
    assert '"risk_level": 4' in (tmp_path / "part" / "products.json").read_text()


@pytest.mark.parametrize(("product", "passed"), [("DEP", True), ("GONE", False)])
def test_offers_of_the_banks_own_are_of_products_on_sale(
    raw: Path, tmp_path: Path, product: str, passed: bool
) -> None:
    own = offers(tmp_path, OFFER.format(product=product))
    found = gates(products_part(tmp_path / "part", raw, AT, own))
    assert found["offers 9 parse strictly"]
    assert found["offers of a product on sale"] == passed


def test_a_wrong_catalogue_makes_no_part(raw: Path, tmp_path: Path) -> None:
    own = offers(tmp_path, OFFER.format(product="DEP") + "magic = 1\n")
    with pytest.raises(InvalidPolicy, match="magic"):
        products_part(tmp_path / "part", raw, AT, own)
