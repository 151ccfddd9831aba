"""What was offered by a decision, as rows of the raw table `offers`.

Only where chance decided who was shown what are there arms to compare. In the random arm the offers that are
left are turned to a place drawn among them, so each is shown with one chance: those shown are treated, those
not shown are their control. Everywhere else the policy chose: such an offer was made, in no arm, and the
first one keeps the probability with which it came first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_rules.errors import InvalidPolicy
from crm_rules.offers.catalogue import Catalogue, Offer
from crm_rules.offers.listing import Listing
from crm_rules.offers.products import Products
from crm_rules.offers.uses import Said
from feature_repo.errors import BankError
from feature_repo.raw.contracts import CONTACT_CHANNELS
from monitoring.flattened import moment
from training.release.reading import read_release
from training.release.strict_json import parse

USE_CASE = "next_best_action"
RANDOM = "random"
TREATED, CONTROL = "treated", "control"
Row = dict[str, object]
Offers = tuple[Offer, ...]


@dataclass(frozen=True)
class Catalogues:
    """The offers of releases, by digest, in the order that records count them."""

    releases: Path
    known: dict[str, Offers | None]

    @classmethod
    def of(cls, releases: Path) -> "Catalogues":
        """Those in a folder of releases."""
        return cls(releases, {})

    def __call__(self, release: str) -> Offers | None:
        """The offers of one release."""
        if release not in self.known:
            try:
                self.known[release] = self._read(release)
            except (BankError, InvalidPolicy, KeyError):
                self.known[release] = None
        return self.known[release]

    def _read(self, release: str) -> Offers:
        files = read_release(self.releases, release).part("products")
        entries = parse("products.json", files["products.json"])
        assert isinstance(entries, list)
        return Listing.of(Catalogue.parse(files["offers.toml"]), Products.from_catalogue(entries)).entries


def offered(record: Mapping[str, Any], offers: Offers) -> Iterator[Row]:
    """A row for each offer of a product that was shown, and for each that chance kept back."""
    by_id = {offer.offer_id: offer for offer in offers}
    shown = [by_id[name] for name in record["outcome"] if name in by_id]
    share, left = _drawn(record, offers, shown)
    for rank, offer in enumerate(shown):
        if share is not None and offer in left:
            yield from _row(record, offer, TREATED, share)
        else:
            yield from _row(record, offer, None, record["selection_probability"] if rank == 0 else None)
    if share is not None:
        for offer in left:
            if offer not in shown:
                yield from _row(record, offer, CONTROL, share)


def _drawn(record: Mapping[str, Any], offers: Offers, shown: list[Offer]) -> tuple[float | None, list[Offer]]:
    """The chance with which each offer among those drawn from is shown, and these; None where none was."""
    if record["arm"] != RANDOM:
        return None, []
    left = [offers[place] for place in record["candidates"]["ranked"] if not offers[place].mandatory]
    some = sum(not offer.mandatory for offer in shown)
    if some >= len(left):  # all are shown, or none is left
        return None, []
    return some / len(left), left


def _row(record: Mapping[str, Any], offer: Offer, arm: str | None, chance: float | None) -> Iterator[Row]:
    if offer.product_id is None:
        return
    at, channel = moment(record["at"]), record["request"].get("channel")
    yield {
        "offer_id": id_of(record["decision_id"], offer.offer_id),
        "customer_id": record["customer_id"],
        "product_id": offer.product_id,
        "at": at,
        "recorded_at": at,
        "channel": channel if channel in CONTACT_CHANNELS else None,
        "arm": arm,
        "selection_probability": chance,
        "outcome": None,
        "outcome_at": None,
    }


def id_of(decision_id: str, offer_id: str) -> str:
    """The id of one offer of one decision in the raw table."""
    return f"{decision_id}:{offer_id}"


def answered(record: Mapping[str, Any], offers: Offers, said: Said) -> Iterator[Row]:
    """The row of an offer once more, as it is known since the customer answered."""
    wanted, at = id_of(said.decision_id, said.offer_id), moment(said.at)
    for row in offered(record, offers):
        if row["offer_id"] == wanted and row["arm"] != CONTROL:
            yield {**row, "outcome": said.answer, "outcome_at": at, "recorded_at": at}
