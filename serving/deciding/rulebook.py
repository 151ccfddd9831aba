"""The parts of a release that people wrote: policy, product catalogue, reasons, ready for arrays."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from crm_rules.governance.plain import plain, unreadable
from crm_rules.governance.stops import Kind, Stops
from crm_rules.lending.policy import LENDING_RULES
from crm_rules.lending.reasons import Catalogue as ReasonTexts
from crm_rules.lending.reasons import parse_catalogue
from crm_rules.offers.catalogue import Catalogue, Text
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.offers.screening import NO_MODEL, OFFER_RULES, OVERRIDDEN
from crm_rules.policy import Policy
from crm_rules.rules import UNAVAILABLE
from crm_rules.segments import RuleSegments
from serving.errors import BrokenCatalogue
from training.release.content import ProductFacts
from training.release.errors import BrokenRelease
from training.release.strict_json import parse
from training.release.verify import VerifiedRelease

OFFERS = "offers.toml"
NOTHING = Catalogue("none")
OWN = "bank policy"
NUMBERS = ("risk_level", "minimum_amount", "value", "rate")  # of a product
TEXTS = ("family", "title_en", "title_zh", "tier_required")
RULE_TEXTS: dict[str, dict[str, str]] = {
    rule.code: {"code": rule.code, "text": rule.doc, "law": rule.law} | ({"zh": rule.zh} if rule.zh else {})
    for rule in (*OFFER_RULES, *LENDING_RULES)
} | {
    code: {"code": code, "text": text, "law": OWN, "zh": zh}
    for code, text, zh in (
        (NO_MODEL, "Nothing estimates how likely this offer is wanted.", "没有模型估计客户对该产品的需求。"),
        (OVERRIDDEN, "Another offer takes its place.", "另有优惠取代了该优惠。"),
        (UNAVAILABLE, "A rule could not be judged, so nothing is offered.", "有规则无法判断，因此不作推荐。"),
    )
}


@dataclass(frozen=True)
class Rulebook:
    """Policy, segments by rule, products, offers and reasons of one release, under one policy.

    `plain` are the products alone, as scores that only inform see them: a switch that stops an offering
    says nothing there. `evidence` is of the propensity models, by product.
    """

    policy: Policy
    segments: RuleSegments
    products: Products
    titles: tuple[Text, ...]
    facts: tuple[ProductFacts, ...]
    catalogue: Catalogue
    offers: Offers
    plain: Offers
    reasons: ReasonTexts
    evidence: Mapping[str, float]

    @staticmethod
    def of(release: VerifiedRelease, policy: Policy, evidence: Mapping[str, float]) -> "Rulebook":
        """From a verified release under one of its policies; each file is parsed strictly."""
        files = release.part("products")
        entries = _entries(files["products.json"])
        products = Products.from_catalogue(entries)
        by_id = {str(entry["product_id"]): entry for entry in entries}
        catalogue = Catalogue.parse(files[OFFERS])
        return Rulebook(
            policy,
            RuleSegments.parse(release.part("policy")["segments.toml"]),
            products,
            tuple(_title(by_id[product_id]) for product_id in products.product_id),
            tuple(ProductFacts.of(by_id[product_id]) for product_id in products.product_id),
            catalogue,
            Offers.of(catalogue, products, policy, evidence),
            Offers.of(NOTHING, products, policy, evidence),
            parse_catalogue(release.part("reasons")["reasons.toml"]),
            evidence,
        )

    def title(self, offer: int) -> Text:
        """What an offer is called: by the catalogue, else by its product."""
        at = int(self.offers.position[offer])
        entry = self.offers.entries[offer]
        return self.titles[at] if entry.title.en == entry.product_id and at >= 0 else entry.title

    def under(self, stops: Stops) -> "Rulebook":
        """The same rules while these stop switches are on."""
        products, offering = stops.names(Kind.PRODUCT), stops.names(Kind.OFFER)
        return replace(
            self, offers=self.offers.under(products, offering), plain=self.plain.under(products, ())
        )

    def ruled_by(self, policy: Policy) -> "Rulebook":
        """The same release under another policy, without any stop switch."""
        return replace(
            self,
            policy=policy,
            offers=Offers.of(self.catalogue, self.products, policy, self.evidence),
            plain=Offers.of(NOTHING, self.products, policy, self.evidence),
        )


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
    for entry in entries:
        _require_sense(entry)
        _require_start(entry.get("starting_propensity"), entry.get("starting_evidence"))
    return entries


def _require_sense(entry: Mapping[str, object]) -> None:
    """BrokenCatalogue when a number is none, or a text is not one line of signs that are seen.

    A rating of `true` would count as 1.
    """
    name = str(entry["product_id"])
    if not re.fullmatch(r"\S{1,64}", name) or not plain(name):
        raise BrokenCatalogue(f"product_id {name[:64]!r} should be 1 to 64 signs without a space")
    for key in NUMBERS:
        value = entry.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise BrokenCatalogue(f"{key} of '{name}' is {str(value)[:64]!r}, which is no number")
    for key in TEXTS:
        value = entry.get(key)
        if value is not None and (not isinstance(value, str) or unreadable(value) is not None):
            raise BrokenCatalogue(f"{key} of '{name}' should be one line of signs that are seen")


def _require_start(propensity: object, evidence: object) -> None:
    if propensity is None and evidence is None:
        return
    numbers = [n for n in (propensity, evidence) if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < 2 or not 0 <= numbers[0] <= 1 or not 0 <= numbers[1] < 1e12:
        raise BrokenCatalogue(
            f"starting_propensity {propensity!r} and starting_evidence {evidence!r} should be a share and a "
            "number of customers"
        )


def _title(entry: Mapping[str, object]) -> Text:
    name = str(entry["product_id"])
    return Text(
        str(entry.get("title_en") or name), str(entry.get("title_zh") or entry.get("title_en") or name)
    )
