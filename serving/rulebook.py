"""The parts of a release that people wrote: policy, product catalogue, reasons, ready for arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from crm_rules.governance.stops import Kind, Stops
from crm_rules.lending.policy import LENDING_RULES
from crm_rules.lending.reasons import Catalogue, parse_catalogue
from crm_rules.offers.arbitration import context, levers, worth
from crm_rules.offers.columns import Products
from crm_rules.offers.screening import OFFER_RULES
from crm_rules.policy import Policy
from crm_rules.policy_book import PolicyBook
from crm_rules.segments import RuleSegments
from crm_rules.vocabulary import CONTEXTS
from serving.errors import BrokenCatalogue
from training.release.content import ProductFacts
from training.release.errors import BrokenRelease
from training.release.strict_json import parse

F64Array = npt.NDArray[np.float64]
NO_MODEL = "NEED-00"
RULE_TEXTS: dict[str, dict[str, str]] = {
    rule.code: {"code": rule.code, "text": rule.doc, "law": rule.law} | ({"zh": rule.zh} if rule.zh else {})
    for rule in (*OFFER_RULES, *LENDING_RULES)
} | {
    NO_MODEL: {
        "code": NO_MODEL,
        "text": "No model estimates the need for this family.",
        "law": "bank policy",
        "zh": "没有模型估计客户对这一产品类别的需求。",
    }
}


class HasParts(Protocol):
    """A release, or what is kept of it."""

    def part(self, name: str) -> Mapping[str, bytes]:
        """The files of a part."""


@dataclass(frozen=True)
class Title:
    """What a product is called."""

    en: str
    zh: str


@dataclass(frozen=True)
class Start:
    """What the catalogue expects of a new product, by product: NaN and 0 where it declares nothing.

    `propensity` is the share of customers expected to buy it, `evidence` how many customers that
    expectation weighs.
    """

    propensity: F64Array
    evidence: F64Array


@dataclass(frozen=True)
class Rulebook:
    """Policy, segments by rule, products and reasons of one release; arrays follow `products.product_id`."""

    policy: Policy
    segments: RuleSegments
    products: Products
    titles: tuple[Title, ...]
    facts: tuple[ProductFacts, ...]
    reasons: Catalogue
    value: F64Array
    lever: F64Array
    contexts: Mapping[str | None, F64Array]
    start: Start

    @staticmethod
    def of(release: HasParts, policy: Policy | None = None) -> "Rulebook":
        """From a verified release; each file is parsed strictly. Under its first policy, unless given one."""
        policy = policy or PolicyBook.parse(release.part("policy")["policy.toml"]).base
        entries = _entries(release.part("products")["products.json"])
        products = Products.from_catalogue(entries)
        by_id = {str(entry["product_id"]): entry for entry in entries}
        contexts: dict[str | None, F64Array] = {
            channel: context(products.family, channel, policy.arbitration) for channel in CONTEXTS
        }
        return Rulebook(
            policy,
            RuleSegments.parse(release.part("policy")["segments.toml"]),
            products,
            tuple(_title(by_id[product_id]) for product_id in products.product_id),
            tuple(ProductFacts.of(by_id[product_id]) for product_id in products.product_id),
            parse_catalogue(release.part("reasons")["reasons.toml"]),
            worth(products.value, policy.arbitration),
            levers(products.family, policy.arbitration),
            contexts | {None: np.ones(len(products))},
            _start([by_id[product_id] for product_id in products.product_id]),
        )

    @cached_property
    def informing(self) -> Products:
        """The shelf for scores that only inform: a switch that stops an offer says nothing there."""
        return self.products.under(self.products.stopped_ids, ())

    def under(self, stops: Stops) -> "Rulebook":
        """The same rules while these stop switches are on."""
        products = self.products.under(stops.names(Kind.PRODUCT), stops.names(Kind.OFFER))
        return replace(self, products=products)


def _entries(content: bytes) -> list[dict[str, object]]:
    try:
        entries = parse("parts/products/products.json", content)
    except BrokenRelease as error:
        raise BrokenCatalogue(error.found) from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BrokenCatalogue("it should be a list of products")
    ids = [entry.get("product_id") for entry in entries]
    if not all(isinstance(name, str) for name in ids) or len(set(ids)) != len(ids):
        raise BrokenCatalogue("each product needs a product_id of its own")
    if not all(isinstance(entry.get("family"), str) for entry in entries):
        raise BrokenCatalogue("each product needs a family")
    return entries


def _start(entries: Sequence[Mapping[str, object]]) -> Start:
    said = [(entry.get("starting_propensity"), entry.get("starting_evidence")) for entry in entries]
    found = np.array([_expected(*each) for each in said], np.float64).reshape(-1, 2)
    return Start(np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1]))


def _expected(propensity: object, evidence: object) -> tuple[float, float]:
    if propensity is None and evidence is None:
        return float("nan"), 0.0
    numbers = [n for n in (propensity, evidence) if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < 2 or not 0 <= numbers[0] <= 1 or not 0 <= numbers[1] < 1e12:
        raise BrokenCatalogue(
            f"starting_propensity {propensity!r} and starting_evidence {evidence!r} should be a share and a "
            "number of customers"
        )
    return float(numbers[0]), float(numbers[1])


def _title(entry: Mapping[str, object]) -> Title:
    name = str(entry["product_id"])
    return Title(
        str(entry.get("title_en") or name), str(entry.get("title_zh") or entry.get("title_en") or name)
    )
