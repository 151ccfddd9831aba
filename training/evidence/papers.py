"""Both papers of a version, in every language."""

from training.evidence.card import card
from training.evidence.pack import pack
from training.evidence.page import Papers
from training.evidence.record import Record
from training.evidence.words import LANGUAGES

CARD, PACK = "card", "validation"


def papers(record: Record, version: str, champion: Record | None) -> dict[str, Papers]:
    """Card and validation pack by the folder they are kept in.

    `version` is how the version is named in them, `champion` the record of the one in service.
    """
    cards = {language: card(record, version, champion, language) for language in LANGUAGES}
    packs = {language: pack(record, version, champion, language) for language in LANGUAGES}
    return {CARD: Papers(CARD, cards), PACK: Papers(PACK, packs)}
