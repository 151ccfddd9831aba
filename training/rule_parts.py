"""The parts of a release that no model trains: policy, product catalogue, reason catalogue."""

import json
import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import duckdb

from crm_rules.lending.policy import LENDING_CODES
from crm_rules.lending.reasons import NOT_KNOWN, TOLD_BY_THE_MODEL, parse_catalogue
from crm_rules.lending.recourse import WAY_CODES
from crm_rules.offers.catalogue import SHIPPED, Catalogue
from crm_rules.policy_book import PolicyBook
from crm_rules.segments import RuleSegments
from feature_repo.raw.contracts import PRODUCT_RISK
from training.gates import Gate, at_least

STARTING = ("starting_propensity", "starting_evidence")
POLICIES = Path(__file__).parents[1] / "crm_rules" / "policies"

CATALOGUE = """
SELECT product_id, family, title_en, title_zh,
       greatest(risk_level, coalesce(seller_risk_level, risk_level)) AS risk_level,
       rate, CAST(minimum_amount AS DOUBLE) AS minimum_amount, CAST(value AS DOUBLE) AS value, tier_required,
       attributes
FROM read_parquet($files)
WHERE recorded_at < $at AND valid_from < $at AND (withdrawn_at IS NULL OR withdrawn_at >= $at)
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY valid_from DESC, recorded_at DESC) = 1
ORDER BY product_id
"""


def policy_part(
    folder: Path, policy: Path = POLICIES / "standard.toml", segments: Path = POLICIES / "segments.toml"
) -> list[Gate]:
    """Copy policy and segments by rule into `folder`; its gates: every key and column is known."""
    _fresh(folder)
    shutil.copyfile(policy, folder / "policy.toml")
    shutil.copyfile(segments, folder / "segments.toml")
    book = PolicyBook.load(folder / "policy.toml")
    ruled = RuleSegments.load(folder / "segments.toml")
    return [
        Gate("content", f"policy {book.told} parses strictly", 1.0, 1.0, True),
        Gate("content", f"segments by rule {ruled.version} read known columns", 1.0, 1.0, True),
    ]


def reasons_part(
    folder: Path, columns: tuple[str, ...], reasons: Path = POLICIES / "reasons.toml"
) -> list[Gate]:
    """Copy the reason catalogue; its gate: whatever credit can say has its text in both languages.

    That is every column it decides on, every rule and way that is told, and what is not known.
    """
    _fresh(folder)
    shutil.copyfile(reasons, folder / "reasons.toml")
    said = {*columns, NOT_KNOWN, *WAY_CODES, *(set(LENDING_CODES) - TOLD_BY_THE_MODEL)}
    told = len(said & set(parse_catalogue((folder / "reasons.toml").read_bytes())))
    return [at_least("content", "reasons that have their texts", float(told), float(len(said)))]


def products_part(folder: Path, raw: Path, at: datetime, offers: Path = SHIPPED) -> list[Gate]:
    """Write the products on sale as of `at`, risk the higher of issuer's and seller's, and the offers."""
    _fresh(folder)
    catalogue = Catalogue.load(offers)
    shutil.copyfile(offers, folder / "offers.toml")
    cursor = duckdb.execute(CATALOGUE, {"files": str(raw / "products" / "*.parquet"), "at": at})
    names = [column[0] for column in cursor.description]
    products = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    levels = {name: level for level, name in enumerate(PRODUCT_RISK, start=1)}
    for product in products:
        product["risk_level"] = levels.get(product["risk_level"])
        product.update(_declared(product.pop("attributes")))
    text = json.dumps(products, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "products.json").write_text(text + "\n")
    rated = sum(product["risk_level"] is not None for product in products)
    return [
        Gate("content", "products on sale", float(len(products)), 1.0, len(products) >= 1),
        Gate(
            "content",
            "products with a risk level",
            float(rated),
            float(len(products)),
            rated == len(products),
        ),
        *_offers_gates(catalogue, {str(product["product_id"]) for product in products}, offers),
    ]


def _offers_gates(catalogue: Catalogue, on_sale: Collection[str], source: Path) -> list[Gate]:
    """Offers that are read; of a bank's own catalogue each offer is of a product on sale, or of none."""
    named = [each.product_id for each in catalogue.offers if each.product_id]
    there = float(sum(name in on_sale for name in named))
    wanted = 0.0 if source.read_bytes() == SHIPPED.read_bytes() else float(len(named))
    return [
        Gate("content", f"offers {catalogue.version} parse strictly", 1.0, 1.0, True),
        at_least("content", "offers of a product on sale", there, wanted),
    ]


def _declared(attributes: str | None) -> dict[str, float]:
    """What a product's attributes (JSON) say of how a new one will sell; nothing where they are silent.

    >>> _declared('{"months": 12, "starting_propensity": 0.02, "starting_evidence": 500}')
    {'starting_propensity': 0.02, 'starting_evidence': 500}
    >>> _declared('gift box') | _declared(None)
    {}
    """
    try:
        said = json.loads(attributes or "{}")
    except ValueError:
        return {}
    return {key: said[key] for key in STARTING if key in said} if isinstance(said, dict) else {}


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
