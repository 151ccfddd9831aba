"""What no policy can mean: keys that are well formed each, and together leave something to nobody."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crm_rules.errors import InvalidPolicy

if TYPE_CHECKING:
    from crm_rules.offers.catalogue import Catalogue
    from crm_rules.policy import Policy


def check_contradictions(policy: "Policy") -> None:
    """InvalidPolicy names the first key that contradicts another."""
    for key, problem in contradictions(policy):
        raise InvalidPolicy(key, problem)


def contradictions(policy: "Policy") -> Iterator[tuple[str, str]]:
    """Every key that contradicts another, with what is wrong."""
    yield from _reserved_for_nobody(policy)


def _reserved_for_nobody(policy: "Policy") -> Iterator[tuple[str, str]]:
    """What is offered to a segment only, and kept from the same segment."""
    kept_from = policy.targeting.kept_from
    for name, segments in policy.targeting.only_for.items():
        if not segments:
            yield f"targeting.only_for.{name}", "names no segment, so nobody could get it; leave the key out"
        elif both := sorted(set(segments) & set(kept_from.get(name, ()))):
            yield (
                f"targeting.only_for.{name}",
                f"names {both}, from which kept_from.{name} keeps it, so nobody of them could get it",
            )


def unreached(policy: "Policy", catalogue: "Catalogue") -> Iterator[str]:
    """What the catalogue promises and this policy gives to nobody, each in one sentence."""
    for offer in catalogue.offers:
        if offer.tier and offer.tier not in policy.eligibility.tiers:
            yield (
                f"Offer '{offer.offer_id}' is for tier '{offer.tier}', which nobody reaches under policy "
                f"{policy.version}: eligibility.tiers are {list(policy.eligibility.tiers)}."
            )
